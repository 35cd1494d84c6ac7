import { type AllowList, listSizeLimit, parseAllowList, writeAllowList } from '../../src/allow-list/index.ts';
import { digestFromBytes, isDigest } from '../../src/oci/index.ts';
import {
  type ApprovalRequest,
  acceptList,
  type ListOutcome,
  listPredicateType,
  type PublicKey,
  type SigningKey,
  signBundle,
  type Trust,
  type TrustedIdentity,
  type TrustPolicy,
  trustPredicateType,
  writePolicy,
  writeStatement,
} from '../../src/trust/index.ts';
import { sampleConfig, sha256 } from '../fixtures/sample-store.ts';

export const listId = 'example.com/models';

export const digestOf = (bytes: Uint8Array) => {
  const digest = sha256(bytes);
  return isDigest(digest) ? digest : digestFromBytes(new Uint8Array(32));
};

/** The bytes of a list of one model: its name, and the manifest's bytes. */
export function listOf(manifest = Buffer.from('{"schemaVersion":2}\n'), version = 1): Buffer {
  const config = sampleConfig();
  const entry = { mediaType: 'application/vnd.docker.container.image.v1+json', size: config.length };
  const model = {
    manifest: { digest: digestOf(manifest), size: manifest.length },
    config: { ...entry, digest: digestOf(config) },
    layers: [],
  };
  const models = new Map([['registry.ollama.ai/library/sample:latest', model]]);
  return Buffer.from(writeAllowList({ listId, version, aliases: new Map(), models }));
}

/** What `sign` asks for: an approval of these bytes, from now on. */
export const requestFor = (file: Uint8Array, more: Partial<ApprovalRequest> = {}): ApprovalRequest => ({
  predicateType: listPredicateType,
  file,
  listId,
  version: 1,
  trustVersion: 0,
  now: new Date(),
  validityDays: 90,
  approvals: Buffer.alloc(0),
  renew: false,
  subjects: [],
  ...more,
});

export interface PolicyCase {
  readonly keys?: Readonly<Record<string, PublicKey>>;
  readonly identities?: readonly TrustedIdentity[];
  /** Of the list role, in which everybody is. */
  readonly threshold: number;
  /** The bytes of `trusted_root.json` that are pinned. */
  readonly pinned?: Uint8Array;
  /** The file that lies beside the policy: the pinned one, when nothing else is said; undefined when none lies there. */
  readonly beside?: () => Uint8Array | undefined;
  /** Approves the policy. */
  readonly root: SigningKey;
}

/** A policy of one version, approved by one key, as a check is given it. */
export function policyCase({ keys = {}, identities = [], threshold, pinned, beside, root }: PolicyCase): {
  readonly bytes: Buffer;
  readonly approvals: Buffer;
  readonly trust: Trust;
} {
  const expires = new Date(Date.now() + 365 * 86_400_000);
  const policy: TrustPolicy = {
    listId,
    version: 1,
    expires,
    keys: Object.entries({ ...keys, root: root.publicKey }).map(([name, key]) => ({
      name,
      key,
      from: undefined,
      to: undefined,
    })),
    identities,
    root: { signers: ['root'], threshold: 1 },
    list: { signers: [...Object.keys(keys), ...identities.map(({ name }) => name)], threshold },
    minListVersion: 1,
    maxValidityDays: 90,
    graceDays: 0,
    trustedRoot: pinned === undefined ? undefined : digestOf(pinned),
  };
  const bytes = Buffer.from(writePolicy(policy));
  const statement = writeStatement({
    ...{ predicateType: trustPredicateType, digest: digestOf(bytes), size: bytes.length, listId },
    ...{ version: 1, trustVersion: 1, issued: new Date(Date.now() - 1000), expires },
  });
  const approvals = Buffer.from(`${signBundle(statement, root)}\n`);
  const source = {
    current: { bytes, approvals },
    earlier: () => undefined,
    readTrustedRoot: beside ?? (() => pinned),
  };
  return { bytes, approvals, trust: { kind: 'policy', source, start: 'first-contact' } };
}

/** What a check says of a list and its approvals. */
export const judge = (bytes: Uint8Array, approvals: string, trust: Trust): Promise<ListOutcome<AllowList>> =>
  acceptList(
    { bytes, sizeLimit: listSizeLimit, parse: parseAllowList, approvals: Buffer.from(approvals), trust },
    { now: new Date(), recall: () => undefined, allowExpired: false, bound: false },
  );

/** Who approved, or the rule under which nobody did. */
export const verdict = (outcome: ListOutcome<AllowList>): readonly string[] | string =>
  outcome.accepted ? outcome.summary.signers : (outcome.facts.at(-1)?.rule ?? 'no fact');

/** The sentence of a refusal. */
export const sentence = (outcome: ListOutcome<AllowList>): string => outcome.facts.at(-1)?.message ?? '';
