import { generateKeyPairSync } from 'node:crypto';
import { chmodSync } from 'node:fs';
import type { StateDirectory } from '../state/index.ts';
import {
  type AskPassphrase,
  type PublicKey,
  parsePublicKey,
  parseSigningKey,
  type SigningKey,
} from '../trust/index.ts';

const name = 'custody.key';
const publicName = 'custody.pub';
/** Ids of the keys that signed for this side, one a line. */
const signersName = 'custody-signers';

/**
 * The key with which this side signs what it sends and receives, where nobody names another one: ECDSA P-256, made at
 * the first use in the state directory. Its public half lies beside it, to be given to the other side.
 *
 * @returns the key, and the path of its public half
 * @throws KnownError STATE_*, KEY_UNUSABLE
 */
export async function ownCustodyKey(
  state: StateDirectory,
): Promise<{ readonly key: SigningKey; readonly publicPath: string }> {
  const pem = state.read(name) ?? makeKey(state);
  const key = await parseSigningKey(pem, noPassphrase);
  if (state.read(publicName) !== key.publicKey.pem) state.update(publicName, () => key.publicKey.pem);
  return { key, publicPath: `${state.path}/${publicName}` };
}

/**
 * Notes that a key signs for this side: what it signed of the audit log of this side must stay there.
 *
 * @throws KnownError STATE_*
 */
export function noteSigner(state: StateDirectory, { id }: Pick<PublicKey, 'id'>): void {
  if (signersOf(state).has(id)) return;
  state.update(signersName, (before = '') => `${before}${id}\n`);
}

/** Ids of the keys that signed for this side, its own and those that a person named. @throws KnownError STATE_*, KEY_* */
export function signersOf(state: StateDirectory): ReadonlySet<string> {
  const own = state.read(publicName);
  const noted = state.read(signersName) ?? '';
  return new Set([...(own === undefined ? [] : [parsePublicKey(own).id]), ...noted.split('\n')]);
}

/** A key that this tool made is not encrypted. */
const noPassphrase: AskPassphrase = () => Promise.resolve('');

function makeKey(state: StateDirectory): string {
  let made = '';
  // Two first runs at the same time: the second one takes what the first one made.
  state.update(name, (before) => {
    const fresh = () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    };
    made = before ?? fresh();
    return made;
  });
  chmodSync(`${state.path}/${name}`, 0o600);
  return made;
}
