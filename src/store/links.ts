import { closeSync, readlinkSync, realpathSync } from 'node:fs';
import { KnownError, systemCode } from '../errors/index.ts';
import {
  Directory,
  openResolvedFile,
  type RawName,
  rawToBytes,
  rawToText,
  textToRaw,
} from '../files/index.ts';

/** Where a symbolic link leads. */
export type LinkTarget =
  | { readonly kind: 'allowed'; readonly target: RawName }
  | { readonly kind: 'outside'; readonly target: RawName }
  | { readonly kind: 'dangling' }
  | { readonly kind: 'loop' }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Directories into which links may lead: the store itself and those the user named, links in them resolved. */
export class LinkPolicy {
  readonly #roots: readonly RawName[];

  constructor(store: string, followInto: readonly string[]) {
    this.#roots = [store, ...followInto].map((path) => {
      try {
        return realpathSync.native(rawToBytes(textToRaw(path)), { encoding: 'latin1' });
      } catch {
        return textToRaw(path);
      }
    });
  }

  allows(target: RawName): boolean {
    return this.#roots.some((root) => target === root || target.startsWith(root === '/' ? root : `${root}/`));
  }

  /** Follows a link to its end and judges the place. */
  resolve(path: Buffer): LinkTarget {
    let target: RawName;
    try {
      target = realpathSync.native(path, { encoding: 'latin1' });
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'dangling' };
      return code === 'ELOOP' ? { kind: 'loop' } : { kind: 'unreadable', problem: code ?? 'unknown error' };
    }
    return { kind: this.allows(target) ? 'allowed' : 'outside', target };
  }

  /** Opens the file to which a link was resolved. @throws KnownError FILE_CHANGED; system errors */
  openFile(target: RawName): number {
    const fd = openResolvedFile(target);
    if (this.#holds(fd)) return fd;
    closeSync(fd);
    throw swapped();
  }

  /** The same for a directory. */
  openDirectory(target: RawName): Directory {
    const directory = Directory.open(target);
    if (this.#holds(directory.fd)) return directory;
    directory[Symbol.dispose]();
    throw swapped();
  }

  /** A directory above the target may have been swapped since: Linux tells where what is open really lies. */
  #holds(fd: number): boolean {
    try {
      return this.allows(readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' }));
    } catch {
      // No /proc: what was resolved a moment ago has to do.
      return true;
    }
  }
}

const swapped = () => new KnownError('FILE_CHANGED', { problem: 'its link leads elsewhere now' });

export const linkTargetText = (target: RawName): string => rawToText(target);
