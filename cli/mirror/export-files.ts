import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { digestOf } from '../../src/admission/index.ts';
import {
  type AllowList,
  Companions,
  compareWithManifests,
  listSizeLimit,
  manifestAtHand,
  parseAllowList,
} from '../../src/allow-list/index.ts';
import { ArchiveReader, FileSource, findArchives, payloadStart, toolName } from '../../src/archive/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { digestFromBytes } from '../../src/oci/index.ts';
import { type AddedFile, type Base, baseOfArchive, baseOfList } from '../../src/transfer/index.ts';
import { readUpTo } from '../../src/trust/index.ts';
import { assertAgrees } from '../../src/verify/index.ts';

/** Bytes of one reading. */
const pieceSize = 1024 * 1024;

/** Bills of materials, and the tool itself, as files of an archive. @throws KnownError USAGE, FILE_UNREADABLE */
export async function addedFiles(
  boms: readonly string[],
  executable: string | undefined,
): Promise<readonly AddedFile[]> {
  const files = boms.map((path) => fileAt(path, `bom/${bomName(path)}`));
  const names = files.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new KnownError('USAGE', { problem: `--bom: two files are called ${twice}` });
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  return executable === undefined ? files : [...files, fileAt(executable, toolName)];
}

function bomName(path: string): string {
  const name = basename(path).toLowerCase();
  if (/^[a-z0-9][a-z0-9._-]{0,79}$/.test(name)) return name;
  throw new KnownError('USAGE', {
    problem: `--bom: ${name.slice(0, 80)} has characters that no file of an archive has (a-z, 0-9, dot, dash, underscore)`,
  });
}

/** A file whose bytes are read now for their digest, and again when they are written. */
function fileAt(path: string, name: string): AddedFile {
  try {
    const fd = openRegular(path);
    try {
      const { size } = fstatSync(fd);
      return { name, size, digest: digestFrom(fd), open: async () => reopened(path, size) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw error instanceof KnownError
      ? error
      : new KnownError('USAGE', { problem: `${path} cannot be read: ${describeCause(error)}` }, error);
  }
}

function openRegular(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new KnownError('USAGE', { problem: `${path} is not a regular file` });
}

function reopened(path: string, size: number) {
  const fd = openRegular(path);
  return { fd, size, close: async () => closeSync(fd) };
}

function digestFrom(fd: number) {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(pieceSize);
  for (let at = 0; ; ) {
    const got = readSync(fd, buffer, 0, buffer.length, at);
    if (got === 0) return digestFromBytes(hash.digest());
    hash.update(buffer.subarray(0, got));
    at += got;
  }
}

/** What the other side has: the archive, or the list, that `--since` names. @throws KnownError ARCHIVE_*, LIST_* */
export async function readBase(path: string): Promise<Base> {
  if (beginsLikeJson(path)) {
    const bytes = readUpTo(path, listSizeLimit);
    const list = parseAllowList(bytes);
    await assertTrue(list, path);
    return baseOfList(digestOf(bytes), list);
  }
  const { archives, volumes } = await findArchives([path]);
  const source = new FileSource([
    ...archives.map((whole) => ({ ...whole, start: 0, length: whole.size })),
    ...volumes
      .toSorted((one, other) => one.header.number - other.header.number)
      .map((volume) => ({ ...volume, start: payloadStart, length: volume.header.length })),
  ]);
  try {
    if (archives.length > 1)
      throw new KnownError('USAGE', {
        problem: `--since: ${path} holds ${archives.length} archives: name one`,
      });
    if (volumes.length > 0 && volumes.every(({ header }) => header.number > 1))
      throw new KnownError('USAGE', {
        problem: `--since: the first volume of the archive is not in ${path}`,
      });
    const reader = await ArchiveReader.open(source);
    return baseOfArchive(reader.id, reader.index);
  } finally {
    await source.close();
  }
}

/** The other side has what the manifests name, and not what a list says of them. @throws KnownError LIST_CONTRADICTS */
async function assertTrue(list: AllowList, path: string): Promise<void> {
  const companions = new Companions(path);
  const { contradictions } = await compareWithManifests(list, (digest) => {
    const bytes = companions.manifest(digest);
    return typeof bytes === 'string' ? undefined : manifestAtHand(bytes);
  });
  assertAgrees(contradictions);
}

function beginsLikeJson(path: string): boolean {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const byte = Buffer.alloc(1);
      return fstatSync(fd).isFile() && readSync(fd, byte, 0, 1, 0) === 1 && byte[0] === 0x7b;
    } finally {
      closeSync(fd);
    }
  } catch {
    // What cannot be read is told by whoever looks for an archive in it.
    return false;
  }
}
