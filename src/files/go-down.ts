import { mkdirSync } from 'node:fs';
import { systemCode } from '../errors/index.ts';
import { linkLimit, linkOfRoot } from './behind-links.ts';
import { Directory } from './directory.ts';
import { type RawName, textToRaw } from './raw-name.ts';

/** What a link at the end of a path means: the file that it leads to, or the name itself. */
export type LastLink = 'follow' | 'keep';

/** Where descriptors have names: only the kernel can follow the links there. */
export const isOfDescriptors = (folder: RawName): boolean =>
  /^\/proc\/[0-9]+\/(?:task\/[0-9]+\/)?fd$/.test(folder);

/**
 * Goes down a path from its root by open directories; links are resolved one by one, and none of another user than root
 * is followed. Of links in a circle the name itself is meant.
 *
 * @param found given the open directory in which the path ends, which is its own from then on, and the last name
 * @param make the mode of directories that are not there; undefined makes none
 * @throws KnownError FILE_UNWRITABLE, FILE_CHANGED; system errors
 */
export function goDown<T>(
  path: string,
  last: LastLink,
  found: (folder: Directory, name: RawName) => T,
  make?: number,
): T {
  const way = new Way(path, last, make);
  try {
    for (;;) {
      const name = way.step();
      if (name !== undefined) return found(way.here, name);
    }
  } catch (error) {
    way.here[Symbol.dispose]();
    if (error instanceof Circle && last === 'follow') return goDown(path, 'keep', found, make);
    throw error;
  }
}

/** More links than any system follows. */
class Circle extends Error {
  readonly code = 'ELOOP';
}

/** A path of which a part was gone already. */
class Way {
  here = Directory.open('/');
  readonly #ahead: RawName[];
  readonly #last: LastLink;
  readonly #make: number | undefined;
  #links = 0;
  /** Names ahead that come from a link: what a link leads to is not made. */
  #fromLinks = 0;

  constructor(path: string, last: LastLink, make: number | undefined) {
    this.#ahead = partsOf(textToRaw(path.startsWith('/') ? path : `${process.cwd()}/${path}`));
    this.#last = last;
    this.#make = make;
  }

  /** One name further. @returns the last name, when it is reached */
  step(): RawName | undefined {
    const name = this.#ahead.shift();
    if (name === undefined) throw Object.assign(new Error('it is a directory'), { code: 'EISDIR' });
    const isLast = this.#ahead.length === 0;
    const make = this.#fromLinks > 0 ? undefined : this.#make;
    this.#fromLinks = Math.max(0, this.#fromLinks - 1);
    if (isLast && (this.#last === 'keep' || isOfDescriptors(textToRaw(this.here.path)))) return name;
    const target = linkOfRoot(this.here, name);
    if (target !== undefined) this.#turn(target);
    else if (isLast) return name;
    else this.#enter(openFolder(this.here, name, make));
    return undefined;
  }

  #turn(target: RawName): void {
    this.#links += 1;
    if (this.#links > linkLimit) throw new Circle('too many links');
    const parts = partsOf(target);
    this.#ahead.unshift(...parts);
    this.#fromLinks += parts.length;
    if (target.startsWith('/')) this.#enter(Directory.open('/'));
  }

  #enter(next: Directory): void {
    this.here[Symbol.dispose]();
    this.here = next;
  }
}

function openFolder(above: Directory, name: RawName, make: number | undefined): Directory {
  try {
    return above.openDirectory(name);
  } catch (error) {
    if (make === undefined || systemCode(error) !== 'ENOENT') throw error;
  }
  try {
    mkdirSync(above.reach(name), { mode: make });
  } catch (error) {
    // Somebody else made it meanwhile.
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  return above.openDirectory(name);
}

const partsOf = (path: RawName): RawName[] => path.split('/').filter((name) => name !== '' && name !== '.');
