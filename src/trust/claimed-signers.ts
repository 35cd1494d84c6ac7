import { X509Certificate } from 'node:crypto';
import { approvalLimit, approvalLines, approvalsSizeLimit } from './approvals.ts';
import { type Bundle, parseBundle } from './bundle.ts';

/** Characters of a name that are kept. */
const nameLimit = 200;

/**
 * Of whom approvals say that they are, for people who have no key to ask with: keys by the first twelve digits of their
 * ids, certificates by the names in them. Nothing of it is proven, and it may hold any character.
 *
 * @param approvals the file of approvals; of the first 64 each is told
 */
export const claimedSigners = (approvals: Uint8Array): readonly string[] =>
  approvalLines(approvals.subarray(0, approvalsSizeLimit), approvalLimit).map((line) => {
    const parsed = parseBundle(line);
    return 'problem' in parsed ? 'an approval that cannot be read' : claimOf(parsed.bundle);
  });

function claimOf({ material }: Bundle): string {
  if (material.kind === 'key')
    return `the key ${Buffer.from(material.hint, 'base64').toString('hex').slice(0, 12) || 'without a name'}`;
  try {
    const { subjectAltName } = new X509Certificate(material.certificate);
    return `a certificate of ${(subjectAltName ?? 'nobody').slice(0, nameLimit)}`;
  } catch {
    return 'a certificate that cannot be read';
  }
}
