import { KnownError } from '../../src/errors/index.ts';
import type { Io } from './io.ts';

/** The variables in which a passphrase may come, ours first, then cosign's. An empty one is a passphrase too. */
const variables = ['VERIFY_MODELS_PASSPHRASE', 'COSIGN_PASSWORD'] as const;

const fromEnvironment = (io: Io): string | undefined =>
  variables.map((name) => io.environment[name]).find((value) => value !== undefined);

/** The passphrase of a key that is there. @throws KnownError PASSPHRASE_NEEDED, CANCELLED */
export async function passphrase(io: Io): Promise<string> {
  return fromEnvironment(io) ?? (await ask(io, 'passphrase of the key: '));
}

/** The passphrase of a new key, asked twice. @throws KnownError PASSPHRASE_NEEDED, CANCELLED, USAGE when the two differ */
export async function newPassphrase(io: Io): Promise<string> {
  const known = fromEnvironment(io);
  if (known !== undefined) return known;
  const first = await ask(io, 'passphrase for the new key: ');
  if (first === (await ask(io, 'the same again: '))) return first;
  throw new KnownError('USAGE', { problem: 'the two passphrases differ' });
}

async function ask(io: Io, prompt: string): Promise<string> {
  const typed = await io.askSecret(prompt);
  if (typed !== undefined) return typed;
  throw new KnownError(io.interrupted.aborted ? 'CANCELLED' : 'PASSPHRASE_NEEDED');
}
