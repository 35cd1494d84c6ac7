import { chmodSync, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { describeCause, KnownError } from '../errors/index.ts';
import type { StateDirectory } from '../state/index.ts';

const name = 'seal.key';

/** Bytes of a key that this tool makes. */
const keySize = 32;

/**
 * The key that authenticates seals: 32 random bytes in the state directory, made at the first use, or a file that the
 * site provides (16 bytes to 4 KiB, such as a Kubernetes Secret; it may be a link).
 *
 * @throws KnownError SEAL_KEY_UNUSABLE, STATE_UNUSABLE, STATE_DAMAGED, STATE_LOCKED
 */
export function openSealKey(
  state: StateDirectory,
  file: string | undefined,
  random: (bytes: number) => Uint8Array,
): Uint8Array {
  if (file !== undefined) return readKeyFile(file);
  const hex = state.read(name) ?? makeKey(state, random);
  if (/^[0-9a-f]{64}\n$/.test(hex)) return Buffer.from(hex.trim(), 'hex');
  throw new KnownError('STATE_DAMAGED', { path: `${state.path}/${name}`, problem: 'it is no key of a seal' });
}

function makeKey(state: StateDirectory, random: (bytes: number) => Uint8Array): string {
  let made = '';
  // Two first runs at the same time: the second one takes what the first one made.
  state.update(name, (before) => {
    made = before ?? `${Buffer.from(random(keySize)).toString('hex')}\n`;
    return made;
  });
  chmodSync(`${state.path}/${name}`, 0o600);
  return made;
}

function readKeyFile(path: string): Uint8Array {
  const refuse = (problem: string, cause?: unknown) =>
    new KnownError('SEAL_KEY_UNUSABLE', { path, problem }, cause);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw refuse(describeCause(error), error);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size < 16 || stat.size > 4096) {
      throw refuse('it is no file of 16 to 4096 bytes');
    }
    if ((stat.mode & 0o002) !== 0) throw refuse('every user of this machine can write it');
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
