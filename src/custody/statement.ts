import { type Digest, digestHex, isDigest } from '../oci/index.ts';

/** in-toto Attestation Framework, Statement v1. */
const statementType = 'https://in-toto.io/Statement/v1';

/** "This index was written by whoever holds this key." */
export const archivePredicateType = 'urn:verify-models:archive:v1';

/** "This archive was sent, or taken, by whoever holds this key, at this time." */
export const transferPredicateType = 'urn:verify-models:transfer:v1';

/** What both speak of: the first file of an archive, which names all the others. */
const subjectName = 'verify-models-index.json';

/** The exact bytes that are signed. */
export const writeStatement = (archive: Digest, predicateType: string, predicate: unknown): Buffer =>
  Buffer.from(
    JSON.stringify({
      _type: statementType,
      subject: [{ name: subjectName, digest: { sha256: digestHex(archive) } }],
      predicateType,
      predicate,
    }),
  );

/** The archive that a statement of this type speaks of, and what it says; undefined where it is none. */
export function readStatement(
  value: unknown,
  predicateType: string,
): { readonly archive: Digest; readonly predicate: unknown } | undefined {
  const { _type, subject, predicateType: type, predicate, ...rest } = recordOf(value);
  if (_type !== statementType || type !== predicateType || Object.keys(rest).length > 0) return undefined;
  if (!Array.isArray(subject) || subject.length !== 1) return undefined;
  const { name, digest } = recordOf(subject[0]);
  const archive = `sha256:${String(recordOf(digest).sha256)}`;
  return name === subjectName && isDigest(archive) ? { archive, predicate } : undefined;
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
