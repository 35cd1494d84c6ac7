import { KnownError } from '../errors/index.ts';
import { type Digest, readStrictJson } from '../oci/index.ts';
import {
  approvalLines,
  approvalsSizeLimit,
  type PublicKey,
  parseBundle,
  preAuthentication,
  type SigningKey,
  signBundle,
} from '../trust/index.ts';
import { archivePredicateType, readStatement, writeStatement } from './statement.ts';

/** Signatures that are looked at. */
const lineLimit = 64;

const rules = {
  maxDepth: 5,
  knownKeys: new Set(['_type', 'subject', 'name', 'digest', 'sha256', 'predicateType', 'predicate', 'size']),
  integerKeys: new Set(['size']),
};

/** The signature of an index, as it lies beside the archive: one Sigstore bundle, one line. */
export const signIndex = (
  index: { readonly digest: Digest; readonly size: number },
  key: SigningKey,
): string => `${signBundle(writeStatement(index.digest, archivePredicateType, { size: index.size }), key)}\n`;

/** A key that may have signed an index, under the name that a person gave it. */
export interface Sender {
  readonly name: string;
  readonly key: PublicKey;
}

/**
 * Which of the senders signed an index.
 *
 * @param text the file beside the archive; empty where there is none
 * @throws KnownError ARCHIVE_SENDER where none of them did
 */
export function assertSentBy(text: Uint8Array, archive: Digest, senders: readonly Sender[]): Sender {
  const refuse = (problem: string) => new KnownError('ARCHIVE_SENDER', { problem });
  if (text.length === 0) throw refuse('there is no signature beside it');
  if (text.length > approvalsSizeLimit) throw refuse('the file of its signatures is too large');
  let why = 'no known sender signed it, or it was changed after it was signed';
  for (const line of approvalLines(text, lineLimit)) {
    const parsed = parseBundle(line);
    if ('problem' in parsed) {
      why = parsed.problem;
      continue;
    }
    const { payload, signature } = parsed.bundle;
    const sender = senders.find(({ key }) => key.verifies(preAuthentication(payload), signature));
    if (sender === undefined) continue;
    // Read only now: nothing is taken from a text that nobody known signed.
    const json = readStrictJson(payload, rules);
    const statement = json.ok ? readStatement(json.value, archivePredicateType) : undefined;
    if (statement?.archive === archive) return sender;
    why = `${sender.name} signed another index`;
  }
  throw refuse(why);
}

/** Ids of the keys that the signatures beside an archive speak of: hints, which nobody has proved. */
export const hintsIn = (text: Uint8Array): readonly string[] =>
  approvalLines(text.subarray(0, approvalsSizeLimit), lineLimit).flatMap((line) => {
    const parsed = parseBundle(line);
    if ('problem' in parsed || parsed.bundle.material.kind !== 'key') return [];
    return [Buffer.from(parsed.bundle.material.hint, 'base64').toString('hex').slice(0, 12)];
  });
