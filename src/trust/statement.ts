import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import { type Digest, digestHex, isDigest, readStrictJson } from '../oci/index.ts';

/** in-toto Attestation Framework, Statement v1. */
const statementType = 'https://in-toto.io/Statement/v1';

export const listPredicateType = 'urn:verify-models:allow-list:v1';
export const trustPredicateType = 'urn:verify-models:trust:v1';

/** Subjects that stock verifiers take (sigstore-go refuses more). */
export const subjectLimit = 1024;

/** What one signer says about one file: that these bytes are version N of this list, from when to when. */
export interface Claim {
  readonly predicateType: typeof listPredicateType | typeof trustPredicateType;
  /** SHA-256 of the file that is approved. */
  readonly digest: Digest;
  /** Its bytes. */
  readonly size: number;
  readonly listId: string;
  readonly version: number;
  readonly issued: Date;
  readonly expires: Date;
  /** Version of the trust policy the signer knew; 0 without one. */
  readonly trustVersion: number;
}

/** Further files that the same signature names, so that stock tools find the approval of one model. */
export interface ExtraSubject {
  readonly name: string;
  readonly digest: Digest;
}

const fileNames = { [listPredicateType]: 'allow-list.json', [trustPredicateType]: 'trust.json' } as const;

/** RFC 3339 in UTC, whole seconds. */
export const timestamp = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, 'Z');

/** The exact bytes that are signed. The same claim gives the same bytes: thresholds count equal payloads. */
export function writeStatement(claim: Claim, extra: readonly ExtraSubject[] = []): Buffer {
  const { predicateType, digest, size, listId, version, issued, expires, trustVersion } = claim;
  if (extra.length + 1 > subjectLimit) {
    throw new KnownError('USAGE', {
      problem: `--subjects: ${extra.length} models are more than ${subjectLimit - 1}`,
    });
  }
  const subject = [{ name: fileNames[predicateType] as string, digest }, ...extra].map((one) => ({
    name: one.name,
    digest: { sha256: digestHex(one.digest) },
  }));
  const predicate = {
    listId,
    version,
    issued: timestamp(issued),
    expires: timestamp(expires),
    trustVersion,
    size,
  };
  return Buffer.from(JSON.stringify({ _type: statementType, subject, predicateType, predicate }));
}

const date = z.pipe(
  z.string().check(z.regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z$/)),
  z.transform((text, context) => {
    const parsed = new Date(text);
    // A day that does not exist rolls over to another one: 2026-02-30.
    if (!Number.isNaN(parsed.getTime()) && parsed.toISOString().slice(0, 10) === text.slice(0, 10))
      return parsed;
    context.issues.push({ code: 'custom', input: text, message: 'is no date' });
    return z.NEVER;
  }),
);

const subject = z.strictObject({
  name: z.string().check(z.minLength(1), z.maxLength(1024)),
  digest: z.strictObject({ sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)) }),
});

const schema = z.strictObject({
  _type: z.literal(statementType),
  subject: z.array(subject).check(z.minLength(1), z.maxLength(subjectLimit)),
  predicateType: z.enum([listPredicateType, trustPredicateType]),
  predicate: z.strictObject({
    listId: z.string().check(z.minLength(1), z.maxLength(128)),
    version: z.int().check(z.minimum(1)),
    issued: date,
    expires: date,
    trustVersion: z.int().check(z.minimum(0)),
    size: z.int().check(z.minimum(0)),
  }),
});

const rules = {
  maxDepth: 6,
  knownKeys: new Set([
    ...['_type', 'subject', 'name', 'digest', 'sha256', 'predicateType', 'predicate'],
    ...['listId', 'version', 'issued', 'expires', 'trustVersion', 'size'],
  ]),
  integerKeys: new Set(['version', 'trustVersion', 'size']),
};

/** A statement as it was read: the claim, and the further files it names. */
export interface Statement {
  readonly claim: Claim;
  readonly extra: readonly ExtraSubject[];
}

/** Turns the payload of an approval into a claim, or says why nobody should count it; never throws. */
export function parseStatement(bytes: Uint8Array): Statement | { readonly problem: string } {
  const json = readStrictJson(bytes, rules);
  if (!json.ok) return { problem: `its statement is refused: ${json.problems[0]?.detail}` };
  const parsed = schema.safeParse(json.value);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join('.').slice(0, 80);
    return { problem: `its statement is not what the schema asks for (${where || 'top level'})` };
  }
  const { subject: subjects, predicateType, predicate } = parsed.data;
  const names = new Set(subjects.map(({ name }) => name));
  if (names.size !== subjects.length) return { problem: 'its statement has one subject twice' };
  const first = subjects[0];
  const digest = `sha256:${first?.digest.sha256}`;
  if (first?.name !== fileNames[predicateType] || !isDigest(digest)) {
    return { problem: `its first subject is not ${fileNames[predicateType]}` };
  }
  if (predicateType === trustPredicateType && subjects.length > 1)
    return { problem: 'its statement about a trust policy names further files' };
  if (predicate.expires <= predicate.issued) return { problem: 'it expires before it was issued' };
  const extra = subjects.slice(1).flatMap(({ name, digest: { sha256 } }) => {
    const named = `sha256:${sha256}`;
    return isDigest(named) ? [{ name, digest: named }] : [];
  });
  return { claim: { predicateType, digest, ...predicate }, extra };
}
