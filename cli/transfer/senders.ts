import { basename } from 'node:path';
import { assertSentBy, hintsIn, type Sender } from '../../src/custody/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import { readPublicKeyFile } from '../../src/verify/index.ts';

/** Keys of those who may send archives. @throws KnownError KEY_* */
export const sendersOf = (paths: readonly string[] = []): readonly Sender[] =>
  paths.map((path) => ({ name: basename(path), key: readPublicKeyFile(path) }));

/**
 * Who sent an archive, for people. With senders of whom one must have signed, another archive is refused; without, what
 * the signature says of itself is told as what it is.
 *
 * @throws KnownError ARCHIVE_SENDER
 */
export function senderLine(signature: Buffer, archive: Digest, senders: readonly Sender[]): string {
  if (senders.length > 0) return `signed by ${assertSentBy(signature, archive, senders).name}`;
  const hints = hintsIn(signature);
  return hints.length === 0
    ? 'its index is not signed: whether it is what was sent, the allow-list alone says'
    : `says that the key ${hints.join(', ')} signed it; unproven: --sender PUB asks for that`;
}
