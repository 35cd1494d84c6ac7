import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import { type Digest, isDigest, isListId, readStrictJson } from '../oci/index.ts';
import { type PublicKey, parsePublicKey } from './public-key.ts';
import { timestamp } from './statement.ts';

export const trustSchema = 'urn:verify-models:trust:v1';

/** Largest policy that is read: some thousand keys. */
export const policySizeLimit = 1024 * 1024;

/** Days in which an approval is valid by default, and the longest a policy may allow. */
export const defaultValidityDays = 90;
export const longestValidityDays = 3650;

export interface TrustedKey {
  readonly name: string;
  readonly key: PublicKey;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
}

export interface TrustedIdentity {
  readonly name: string;
  readonly san: string;
  readonly issuer: string;
}

/** Who must sign, and how many of them. */
export interface Role {
  readonly signers: readonly string[];
  readonly threshold: number;
}

/** Who may approve a list, how many of them are needed, until when. */
export interface TrustPolicy {
  readonly listId: string;
  /** Exactly one more than that of the policy before. */
  readonly version: number;
  readonly expires: Date;
  readonly keys: readonly TrustedKey[];
  readonly identities: readonly TrustedIdentity[];
  /** Signs the next policy. */
  readonly root: Role;
  /** Approves lists. */
  readonly list: Role;
  /** Lists below this version are revoked. */
  readonly minListVersion: number;
  /** Longest validity of an approval, days. */
  readonly maxValidityDays: number;
  /** A list that was accepted before keeps starting for so many days after it expired; 0 means it does not. */
  readonly graceDays: number;
  /** SHA-256 of `trusted_root.json` beside the policy; needed for identities. */
  readonly trustedRoot: Digest | undefined;
}

const name = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}$/));
const day = z.string().check(z.regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/));
const role = z.strictObject({
  signers: z.array(name).check(z.minLength(1), z.maxLength(64)),
  threshold: z.int().check(z.minimum(1), z.maximum(64)),
});

const schema = z.strictObject({
  schema: z.literal(trustSchema),
  listId: z.string().check(z.refine(isListId)),
  version: z.int().check(z.minimum(1)),
  expires: day,
  keys: z
    .array(
      z.strictObject({
        name,
        pem: z.string().check(z.maxLength(4096)),
        from: z.optional(day),
        to: z.optional(day),
      }),
    )
    .check(z.maxLength(64)),
  identities: z.optional(
    z
      .array(
        z.strictObject({
          name,
          san: z.string().check(z.minLength(1), z.maxLength(1024)),
          issuer: z.string().check(z.minLength(1), z.maxLength(1024)),
        }),
      )
      .check(z.maxLength(64)),
  ),
  roles: z.strictObject({ root: role, list: role }),
  minListVersion: z.optional(z.int().check(z.minimum(1))),
  maxValidityDays: z.optional(z.int().check(z.minimum(1), z.maximum(longestValidityDays))),
  graceDays: z.optional(z.int().check(z.minimum(0), z.maximum(longestValidityDays))),
  trustedRoot: z.optional(z.string()),
});

const rules = {
  maxDepth: 6,
  knownKeys: new Set([
    ...[
      'schema',
      'listId',
      'version',
      'expires',
      'keys',
      'name',
      'pem',
      'from',
      'to',
      'identities',
      'san',
      'issuer',
    ],
    ...[
      'roles',
      'root',
      'list',
      'signers',
      'threshold',
      'minListVersion',
      'maxValidityDays',
      'graceDays',
      'trustedRoot',
    ],
  ]),
  integerKeys: new Set(['version', 'threshold', 'minListVersion', 'maxValidityDays', 'graceDays']),
};

const refuse = (problem: string, cause?: unknown) => new KnownError('TRUST_MALFORMED', { problem }, cause);

/** Turns the bytes of a policy into a value, strictly. @throws KnownError TRUST_MALFORMED */
export function parsePolicy(bytes: Uint8Array): TrustPolicy {
  if (bytes.length > policySizeLimit)
    throw refuse(`it has ${bytes.length} bytes, more than ${policySizeLimit}`);
  const json = readStrictJson(bytes, rules);
  if (!json.ok) throw refuse(json.problems[0]?.detail ?? 'no JSON');
  const parsed = schema.safeParse(json.value);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join('.').slice(0, 80);
    throw refuse(`${where || 'it'} is not what the schema asks for`);
  }
  const { keys, identities = [], roles, trustedRoot, ...rest } = parsed.data;
  if (trustedRoot !== undefined && !isDigest(trustedRoot)) throw refuse('trustedRoot is no digest');
  const policy = {
    listId: rest.listId,
    version: rest.version,
    expires: dateOf(rest.expires),
    keys: keys.map(({ pem, from, to, ...key }) => ({
      name: key.name,
      key: readKey(key.name, pem),
      from: from === undefined ? undefined : dateOf(from),
      to: to === undefined ? undefined : dateOf(to),
    })),
    identities,
    root: roles.root,
    list: roles.list,
    minListVersion: rest.minListVersion ?? 1,
    maxValidityDays: rest.maxValidityDays ?? defaultValidityDays,
    graceDays: rest.graceDays ?? 0,
    trustedRoot,
  };
  checkSigners(policy);
  return policy;
}

function dateOf(text: string): Date {
  const date = new Date(text);
  if (!Number.isNaN(date.getTime()) && timestamp(date) === text) return date;
  throw refuse(`${text} is no date`);
}

function readKey(holder: string, pem: string): PublicKey {
  try {
    return parsePublicKey(pem);
  } catch (error) {
    throw refuse(`the key of ${holder}: ${error instanceof Error ? error.message : ''}`, error);
  }
}

/** Every name stands for one signer, every signer has one name, and every role can be met by distinct signers. */
function checkSigners(policy: TrustPolicy): void {
  const names = [...policy.keys, ...policy.identities].map((signer) => signer.name);
  const twice = names.find((one, at) => names.indexOf(one) !== at);
  if (twice !== undefined) throw refuse(`two signers are called ${twice}`);
  const ids = [
    ...policy.keys.map(({ key }) => key.id),
    ...policy.identities.map(({ san, issuer }) => `${issuer}\n${san}`),
  ];
  if (new Set(ids).size !== ids.length) throw refuse('one key or identity stands under two names');
  if (policy.identities.length > 0 && policy.trustedRoot === undefined) {
    throw refuse('identities need trustedRoot, the digest of trusted_root.json');
  }
  for (const [title, { signers, threshold }] of [
    ['root', policy.root],
    ['list', policy.list],
  ] as const) {
    if (new Set(signers).size !== signers.length) throw refuse(`roles.${title} names a signer twice`);
    const stranger = signers.find((signer) => !names.includes(signer));
    if (stranger !== undefined)
      throw refuse(`roles.${title} names ${stranger}, who has neither key nor identity`);
    if (threshold > signers.length)
      throw refuse(`roles.${title} wants ${threshold} of ${signers.length} signers`);
  }
}

/** The text of a policy, one signer a line. */
export function writePolicy(policy: TrustPolicy): string {
  const line = (value: unknown) => JSON.stringify(value);
  const block = (values: readonly unknown[]) =>
    values.length === 0 ? '[]' : `[\n${values.map((value) => `    ${line(value)}`).join(',\n')}\n  ]`;
  const date = (value: Date | undefined) => (value === undefined ? undefined : timestamp(value));
  const keys = policy.keys.map(({ name: holder, key, from, to }) => ({
    name: holder,
    pem: key.pem,
    from: date(from),
    to: date(to),
  }));
  return [
    '{',
    `  "schema": ${line(trustSchema)},`,
    `  "listId": ${line(policy.listId)},`,
    `  "version": ${policy.version},`,
    `  "expires": ${line(timestamp(policy.expires))},`,
    `  "keys": ${block(keys)},`,
    `  "identities": ${block(policy.identities)},`,
    `  "roles": {\n    "root": ${line(policy.root)},\n    "list": ${line(policy.list)}\n  },`,
    ...(policy.trustedRoot === undefined ? [] : [`  "trustedRoot": ${line(policy.trustedRoot)},`]),
    `  "minListVersion": ${policy.minListVersion},`,
    `  "maxValidityDays": ${policy.maxValidityDays},`,
    `  "graceDays": ${policy.graceDays}`,
    '}',
    '',
  ].join('\n');
}
