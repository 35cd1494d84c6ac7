import { statSync } from 'node:fs';
import { type Swappable, type Trusted, trustedBy, whoCanSwap, whoCanWrite } from '../files/index.ts';
import { type Fact, typedCommand } from '../findings/index.ts';

/** A file by which a run decides. */
export interface TrustFile {
  /** For people: `the public key`. */
  readonly what: string;
  readonly path: string;
  /**
   * `trust` decides what is trusted; `signed` is held against a signature, so that whoever can write it can bring an old
   * one, or none; `place` is a directory that judges itself, and only its path is looked at.
   */
  readonly kind: 'trust' | 'signed' | 'place';
}

const ruleOf = {
  trust: 'trust-file-writable',
  place: 'trust-file-writable',
  signed: 'list-file-writable',
} as const;

/**
 * What somebody beside root and the user who runs can write, or put something else in the place of; one fact for each
 * directory or file by which that user can.
 */
export function swappableFiles(files: readonly TrustFile[], uid: number | undefined): Fact[] {
  if (uid === undefined) return [];
  const trusted = trustedBy(uid);
  const found = files.flatMap((file) => {
    const at = file.kind === 'place' ? whoCanSwap(file.path, trusted) : whoCanWrite(file.path, trusted);
    return at === undefined ? [] : [{ file, at, isInside: whoCanSwap(file.path, trusted) !== undefined }];
  });
  const groups = Map.groupBy(found, ({ file, at }) => `${ruleOf[file.kind]} ${at.who} ${at.path}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const named = group.map(({ file }) => `${file.what} ${file.path}`);
    const { at, isInside } = first;
    const message = isInside
      ? `${at.who} can write ${at.path}, and can put something else in the place of ${joined(named)}`
      : `${at.who} can write ${joined(named)}`;
    return [{ rule: ruleOf[first.file.kind], actual: at.who, message, hint: lookOrMend(at) }];
  });
}

/**
 * Whether somebody beside root, the user who runs and the owner of the store can put another store in its place.
 *
 * @param path as it was named: links in it are judged too
 */
export function swappableStore(path: string, uid: number | undefined): Fact[] {
  const owner = ownerOf(path);
  if (uid === undefined || owner === undefined) return [];
  const { users, group } = trustedBy(uid);
  const trusted: Trusted = { users: [...users, owner], group };
  const at = whoCanSwap(path, trusted);
  if (at === undefined) return [];
  const message = `${at.who} can write ${at.path}, and can put another store in the place of ${path}`;
  return [{ rule: 'store-swappable', path: '.', actual: at.who, message, hint: lookOrMend(at) }];
}

/** Undefined where it went away, or cannot be looked at: the check says so. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch {
    return undefined;
  }
}

const joined = (words: readonly string[]): string =>
  words.length < 2 ? `${words[0]}` : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

/** Another owner may be right: a person looks. */
const lookOrMend = ({ who, path }: Swappable): string | undefined =>
  typedCommand(who.startsWith('user ') ? ['ls', '-ld', path] : ['chmod', 'go-w', path]);
