import { writeFileSync } from 'node:fs';
import { describeCause, KnownError, systemCode } from '../../src/errors/index.ts';
import { shellWord } from '../../src/findings/index.ts';
import { printable } from '../../src/report/index.ts';
import { makeKeyPair } from '../../src/trust/index.ts';
import type { Io } from '../terminal/index.ts';
import { newPassphrase } from './passphrase.ts';

/** `verify-models keygen [NAME]`: an ECDSA P-256 pair, NAME.key sealed as cosign does it and NAME.pub. */
export async function runKeygen(name = 'verify-models', io: Io): Promise<number> {
  const [privatePath, publicPath] = [`${name}.key`, `${name}.pub`];
  const pair = makeKeyPair(await newPassphrase(io), io.random);
  writeNew(privatePath, pair.privatePem, 0o600);
  writeNew(publicPath, pair.publicPem, 0o644);
  await io.stdout.write(
    [
      `private key  ${printable(privatePath)}   (encrypted; keep it to yourself, and a copy of it)`,
      `public key   ${printable(publicPath)}   (give it to every host that checks)`,
      `key id       ${pair.id.slice(0, 12)}`,
      `next: verify-models allow --all --allow-list allow-list.json, then verify-models sign --key ${printable(shellWord(privatePath))}`,
      '',
    ].join('\n'),
  );
  return 0;
}

/** A key is never replaced: what it signed could not be approved again. */
function writeNew(path: string, text: string, mode: number): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') {
      throw new KnownError('USAGE', { problem: `${path} is there already, and a key is never replaced` });
    }
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}
