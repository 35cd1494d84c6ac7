import { once } from 'node:events';
import { pack } from 'tar-stream';

/** Bytes of a block (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const blockSize = 512;

/** What ends an archive: two blocks of zeros. */
export const endOfTar = Buffer.alloc(2 * blockSize);

/** Bytes of a file's content with the zeros behind it. */
export const padded = (size: number): number => Math.ceil(size / blockSize) * blockSize;

/** Bytes of a whole entry. */
export const entrySize = (size: number): number => blockSize + padded(size);

export interface TarEntry {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly mode: number;
}

/** Everything of an entry that does not say what it is stands still: the same files give the same bytes. */
export const headerOf = ({ name, size, mode }: TarEntry) =>
  ({ name, size, mode, type: 'file', mtime: new Date(0), uid: 0, gid: 0 }) as const;

/** The one block that heads an entry, exactly as it is written: whoever reads compares, and interprets nothing. */
export async function headerBlock(entry: TarEntry): Promise<Buffer> {
  const tar = pack();
  tar.on('error', () => {});
  try {
    tar.entry(headerOf(entry));
    await once(tar, 'readable');
    const block: unknown = tar.read();
    if (!(block instanceof Uint8Array) || block.length < blockSize)
      throw new Error(`no header for ${entry.name}`);
    return Buffer.from(block.subarray(0, blockSize));
  } finally {
    tar.destroy();
  }
}

/** What a header that was not expected says of itself, for a message; it is used for nothing else. */
export function describeHeader(block: Uint8Array): string {
  const bytes = Buffer.from(block);
  if (bytes.every((byte) => byte === 0)) return 'a block of zeros';
  const field = (from: number, to: number) => bytes.toString('latin1', from, to).split('\0', 1)[0] ?? '';
  const kinds: Readonly<Record<string, string>> = {
    '1': 'a hard link',
    '2': 'a link',
    '3': 'a device',
    '4': 'a device',
    '5': 'a directory',
    '6': 'a FIFO',
    K: 'a GNU long link name',
    L: 'a GNU long name',
    S: 'a sparse file',
    g: 'a global PAX header',
    x: 'a PAX header',
  };
  const type = field(156, 157);
  const what = kinds[type] ?? (type === '0' || type === '' ? 'a file' : 'an entry of an unknown kind');
  if (field(257, 262) !== 'ustar') return 'no tar header';
  return `${what} called ${field(0, 100).slice(0, 60)}, of ${field(124, 136).trim() || 'no'} bytes (octal)`;
}
