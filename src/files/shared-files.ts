import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { systemCode } from '../errors/index.ts';
import { difference, type FileIdentity, identityOf } from './identity.ts';

/** A file that is open for reading, for several readers at once: read at a position, never from where the last one was. */
export interface SharedFile {
  readonly fd: number;
  /** Bytes, when it was opened. */
  readonly size: number;
  /** Ends one reading; the last one closes the file. */
  close(): Promise<void>;
}

interface Opened {
  readonly fd: number;
  readonly identity: FileIdentity;
  readers: number;
}

/**
 * Files that many read at the same time: each is open once however many do, and none of it is kept in memory. One that
 * was replaced or changed is opened anew for whoever comes after that.
 */
export class SharedFiles {
  readonly #opened = new Map<string, Opened>();
  readonly #judge: (path: string, mode: number) => void;

  /** @param judge asked of each file that was opened, by its mode; throws where it may not be read for others */
  constructor(judge: (path: string, mode: number) => void = () => {}) {
    this.#judge = judge;
  }

  /**
   * @returns undefined where there is no such file, or it is not a regular one; links are followed
   * @throws system errors (EACCES, EIO)
   */
  open(path: string): SharedFile | undefined {
    const known = this.#opened.get(path);
    const file = known !== undefined && isStill(path, known) ? known : openFile(path, this.#judge);
    if (file === undefined) return undefined;
    this.#opened.set(path, file);
    file.readers += 1;
    let reads = true;
    return {
      ...{ fd: file.fd, size: Number(file.identity.size) },
      close: async () => {
        if (reads) this.#leave(path, file);
        reads = false;
      },
    };
  }

  #leave(path: string, file: Opened): void {
    file.readers -= 1;
    if (file.readers > 0) return;
    closeSync(file.fd);
    if (this.#opened.get(path) === file) this.#opened.delete(path);
  }
}

function isStill(path: string, { identity }: Opened): boolean {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat !== undefined && difference(identity, identityOf(stat)) === undefined;
}

function openFile(path: string, judge: (path: string, mode: number) => void): Opened | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENXIO'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (stat.isFile()) {
      judge(path, Number(stat.mode));
      return { fd, identity: identityOf(stat), readers: 0 };
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return undefined;
}
