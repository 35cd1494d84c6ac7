import { lstatSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describeCause, KnownError, systemCode } from '../../src/errors/index.ts';
import { Place, textToRaw } from '../../src/files/index.ts';
import { printable } from '../../src/report/index.ts';
import { makeKeyPair } from '../../src/trust/index.ts';
import { type Io, newPassphrase } from '../terminal/index.ts';
import { carried, nextLine, refuseFormats, type TypedFlags } from './context.ts';

/** The pair that is made without a name, and that the next commands look for. */
export const defaultKeyName = 'verify-models';

/** `verify-models keygen [NAME]`: an ECDSA P-256 pair, NAME.key sealed as cosign does it and NAME.pub. */
export async function runKeygen(name = defaultKeyName, flags: TypedFlags, io: Io): Promise<number> {
  refuseFormats(flags, 'keygen');
  if (/(?:^|[/\0])$|\.(?:key|pub)$/.test(name)) {
    throw new KnownError('USAGE', { problem: 'keygen takes a NAME and makes NAME.key and NAME.pub' });
  }
  const [privatePath, publicPath] = [`${name}.key`, `${name}.pub`];
  // Before a passphrase is thought of.
  for (const path of [privatePath, publicPath]) if (isThere(path)) throw alreadyThere(path);
  const passphrase = await newPassphrase(io);
  const pair = makeKeyPair(passphrase, io.random);
  using place = placeOf(privatePath);
  writeNew(privatePath, place.at(), pair.privatePem, 0o600);
  try {
    writeNew(publicPath, place.at(textToRaw(basename(publicPath))), pair.publicPem, 0o644);
  } catch (error) {
    rmSync(place.at());
    throw error;
  }
  const care = passphrase === '' ? 'its passphrase is empty' : 'encrypted';
  await io.stdout.write(
    [
      `private key  ${printable(privatePath)}   (${care}; keep it to yourself, and a copy of it)\n`,
      `public key   ${printable(publicPath)}   (give it to every host that checks)\n`,
      `key id       ${pair.id.slice(0, 12)}\n`,
      nextLine(['allow', '--all', '--allow-list', 'allow-list.json', ...carried(flags)], flags),
    ].join(''),
  );
  return 0;
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}

/** A key is never replaced: what it signed could not be approved again. */
const alreadyThere = (path: string): KnownError =>
  new KnownError('USAGE', { problem: `${path} is there already, and a key is never replaced` });

/** The directory of both halves: root is led into no other one. @throws KnownError FILE_UNWRITABLE */
function placeOf(path: string): Place {
  try {
    return Place.open(path, 'keep');
  } catch (error) {
    if (error instanceof KnownError) throw error;
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}

function writeNew(path: string, place: Buffer, text: string, mode: number): void {
  try {
    writeFileSync(place, text, { flag: 'wx', mode, flush: true });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw alreadyThere(path);
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}
