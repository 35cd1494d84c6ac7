import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { type Digest, shortDigest } from '../oci/index.ts';
import { asOneError, isDamage } from './damaged-volumes.ts';
import { indexName } from './entry-names.ts';
import type { MediumFile, VolumeFile } from './medium-file.ts';
import { blockSize, describeHeader } from './tar-framing.ts';
import { parseVolumeHead, payloadStart, volumeFileSize, volumeName } from './volume.ts';

/** Files of one directory that are looked at. */
const filesLimit = 100_000;

/** What was found under the words of a command line: whole archives, and volumes of one archive. */
export interface FoundFiles {
  readonly archives: readonly MediumFile[];
  readonly volumes: readonly VolumeFile[];
}

/**
 * Looks at files and directories. Of a directory the `.tar` files count that are archives or volumes; a file that was
 * named must be one.
 *
 * @throws KnownError ARCHIVE_UNREADABLE, ARCHIVE_UNKNOWN, VOLUME_DAMAGED, VOLUMES_MIXED
 */
export async function findArchives(paths: readonly string[]): Promise<FoundFiles> {
  const archives: MediumFile[] = [];
  const volumes = new Map<number, VolumeFile>();
  const opened: MediumFile[] = [];
  const damaged: KnownError[] = [];
  try {
    const cuts = new Map<
      string,
      { readonly id: Digest; readonly count: number; readonly numbers: number[] }
    >();
    for (const { path, named } of paths.flatMap(filesAt)) {
      const file = openMedium(path);
      opened.push(file);
      const what = await identify(file, named).catch((error: unknown) => {
        if (!isDamage(error) || error.facts.number === '?') throw error;
        damaged.push(error);
      });
      if (what === 'archive') archives.push(file);
      else if (what !== undefined) {
        const { archive: id, number, count } = what.header;
        const cut = cuts.get(`${id} ${count}`) ?? { id, count, numbers: [] };
        cut.numbers.push(number);
        cuts.set(`${id} ${count}`, cut);
        volumes.set(number, what);
      }
    }
    const damage = asOneError(damaged);
    if (damage !== undefined) throw damage;
    if (cuts.size > 1 || (cuts.size > 0 && archives.length > 0))
      throw mixed([...cuts.values()], archives.length);
    if (volumes.size === 0 && archives.length === 0)
      throw new KnownError('ARCHIVE_UNKNOWN', {
        path: paths.join(', '),
        problem: 'there is no archive in it',
      });
    const used = new Set([...archives, ...volumes.values()].map(({ fd }) => fd));
    for (const { fd } of opened) if (!used.has(fd)) closeSync(fd);
    return { archives, volumes: [...volumes.values()] };
  } catch (error) {
    for (const { fd } of opened) closeSync(fd);
    throw error;
  }
}

function mixed(
  cuts: readonly { readonly id: Digest; readonly count: number; readonly numbers: readonly number[] }[],
  whole: number,
): KnownError {
  const ids = new Set(cuts.map(({ id }) => id));
  // One digit that was read wrong makes another archive.
  const shown = new Set([...ids].map(shortDigest)).size === ids.size ? shortDigest : (id: Digest) => id;
  const found = cuts.map(({ id, count, numbers }) => {
    const some = [...numbers].sort((a, b) => a - b).slice(0, 8);
    return `${shown(id)} (volumes ${some.join(', ')} of ${count})`;
  });
  const more = whole === 0 ? [] : [`${whole} whole`];
  return new KnownError('VOLUMES_MIXED', {
    archives: cuts.length + whole,
    found: [...found, ...more].join('; '),
  });
}

function filesAt(path: string): { readonly path: string; readonly named: boolean }[] {
  try {
    if (!statSync(path).isDirectory()) return [{ path, named: true }];
    const names = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.name.endsWith('.tar') && (entry.isFile() || entry.isSymbolicLink()))
      .map(({ name }) => name);
    if (names.length > filesLimit)
      throw new KnownError('ARCHIVE_UNKNOWN', { path, problem: `it holds ${names.length} files` });
    return names.sort().map((name) => ({ path: join(path, name), named: false }));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Links are followed, as a person's links are; only a regular file is read. */
function openMedium(path: string): MediumFile {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (stat.isFile()) return { path, fd, size: stat.size };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw unreadable(path, error);
  }
  closeSync(fd);
  throw unreadable(
    path,
    new Error('it is not a regular file; a pipe is named - and read from standard input'),
  );
}

const unreadable = (path: string, error: unknown): KnownError =>
  error instanceof KnownError
    ? error
    : new KnownError(
        'ARCHIVE_UNREADABLE',
        { path, problem: systemCode(error) === 'ENOENT' ? 'there is no such file' : describeCause(error) },
        error,
      );

async function identify(file: MediumFile, named: boolean): Promise<'archive' | VolumeFile | undefined> {
  const { path, fd, size } = file;
  const head = Buffer.alloc(payloadStart);
  let got: number;
  try {
    got = readSync(fd, head, 0, head.length, 0);
  } catch (error) {
    throw unreadable(path, error);
  }
  const name = nameIn(head);
  if (name === indexName) return 'archive';
  if (name !== volumeName) {
    if (!named) return undefined;
    const problem =
      got < blockSize
        ? `it has ${got} bytes`
        : `it begins with ${describeHeader(head.subarray(0, blockSize))}`;
    throw new KnownError('ARCHIVE_UNKNOWN', { path, problem });
  }
  const header = got < head.length ? undefined : await parseVolumeHead(head);
  if (header === undefined)
    throw new KnownError('VOLUME_DAMAGED', {
      ...{ number: '?', count: '?', numbers: '?' },
      problem: `the head of ${path} is altered`,
    });
  const expected = volumeFileSize(header);
  if (size !== expected) {
    const { number, count } = header;
    const problem = `${path} has ${size} bytes, and not ${expected}`;
    throw new KnownError('VOLUME_DAMAGED', { number, count, problem, numbers: number });
  }
  return { ...file, header };
}

const nameIn = (head: Buffer): string => head.toString('latin1', 0, 100).split('\0', 1)[0] ?? '';
