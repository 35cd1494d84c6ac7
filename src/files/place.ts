import { mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { behindLinks } from './behind-links.ts';
import { Directory } from './directory.ts';
import { goDown, isOfDescriptors, type LastLink } from './go-down.ts';
import { type RawName, rawToBytes, textToRaw } from './raw-name.ts';
import { syncDirectory, syncOpened } from './sync-directory.ts';

/**
 * Root writes where others own directories too (a list in the home of a user, a report on a medium), and follows no link
 * there that another user made: it would lead root's writes to any file of the machine. Every other user can be led no
 * further than that user's own rights go. Under the permission model of Node.js, which knows files by the path that is
 * used, a path is what was typed.
 */
export const isCareful = (): boolean => process.geteuid?.() === 0 && process.permission === undefined;

/**
 * A name in a directory: where a file is written. For root the directory is held open, so that nobody can put another
 * one in its place between two uses of it.
 */
export class Place implements Disposable {
  readonly name: RawName;
  readonly #folder: Directory | undefined;
  readonly #path: RawName;

  private constructor(folder: Directory | RawName, name: RawName) {
    this.name = name;
    this.#folder = typeof folder === 'string' ? undefined : folder;
    this.#path = typeof folder === 'string' ? folder : textToRaw(folder.path);
  }

  /**
   * @param path what it names need not be there; its directory must
   * @param careful follows no link of another user
   * @throws KnownError FILE_UNWRITABLE where root would follow a link of somebody else; system errors (ENOENT, ENOTDIR, EACCES, ELOOP, EISDIR)
   */
  static open(path: string, last: LastLink, careful = isCareful()): Place {
    if (careful) return goDown(path, last, (folder, name) => new Place(folder, name));
    const target = last === 'follow' ? behindLinks(path) : path;
    return new Place(textToRaw(dirname(target)), textToRaw(basename(target)));
  }

  /** One of the links of `/proc/self/fd`, to which `/dev/stdout` leads too: only the kernel can follow them. */
  get isDescriptor(): boolean {
    return isOfDescriptors(this.#path);
  }

  /** Where it is reached, or another name in its directory. Valid until this is disposed of. */
  at(name: RawName = this.name): Buffer {
    return this.#folder?.reach(name) ?? rawToBytes(`${this.#path}/${name}`);
  }

  /** Opens the directory that the name means, or another one beside it; not through a link. @throws system errors */
  openDirectory(name: RawName = this.name): Directory {
    return this.#folder?.openDirectory(name) ?? Directory.open(`${this.#path}/${name}`);
  }

  /** Makes what was renamed in the directory last, where the file system can. @throws system errors */
  sync(): void {
    if (this.#folder === undefined) syncDirectory(rawToBytes(this.#path));
    else syncOpened(this.#folder.fd);
  }

  [Symbol.dispose](): void {
    this.#folder?.[Symbol.dispose]();
  }
}

/**
 * Makes a directory, and those above it that are not there, by the same way.
 *
 * @throws as `Place.open`; system errors (EACCES, EROFS)
 */
export function makeFolders(path: string, mode = 0o777, careful = isCareful()): void {
  if (!careful) mkdirSync(path, { recursive: true, mode });
  else goDown(`${path}/.inside`, 'keep', (folder) => folder[Symbol.dispose](), mode);
}
