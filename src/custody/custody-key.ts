import { generateKeyPairSync } from 'node:crypto';
import { chmodSync } from 'node:fs';
import type { StateDirectory } from '../state/index.ts';
import { type AskPassphrase, parseSigningKey, type SigningKey } from '../trust/index.ts';

const name = 'custody.key';
const publicName = 'custody.pub';

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
