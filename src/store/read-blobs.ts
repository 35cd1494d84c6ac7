import type { Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describeCause, systemCode } from '../errors/index.ts';
import { type Directory, type RawName, rawToText } from '../files/index.ts';
import { typedCommand } from '../findings/index.ts';
import type { Digest } from '../oci/index.ts';
import { ageOf } from './age.ts';
import { classifyBlobName } from './blob-names.ts';
import type { BlobIndex, BlobTable } from './blob-table.ts';
import { linkTargetText } from './links.ts';
import type { OllamaStore, Report } from './ollama-store.ts';

/** What is in the place of a blob that cannot be hashed. */
export interface BlobObstacle {
  readonly digest: Digest;
  /** Below the store. */
  readonly path: string;
  /** It has the old name with a colon. */
  readonly colon: boolean;
  readonly rule:
    | 'blob-not-regular'
    | 'blob-link-outside'
    | 'blob-link-loop'
    | 'blob-unreadable'
    | 'blob-missing';
  readonly message: string;
  readonly actual: string;
  readonly hint?: string | undefined;
}

export interface BlobVisitor {
  readonly report: Report;
  readonly now: Date;
  readonly signal: AbortSignal;
  /** Whether this blob is of interest; the others are passed over in silence. */
  wanted(digest: Digest): boolean;
  /** A blob that can be hashed; `onBlob` and `onObstacle` are told each entry with a valid digest name once. */
  onBlob(index: BlobIndex, digest: Digest): void;
  onObstacle(obstacle: BlobObstacle): void;
  /** A download that was not finished; `bytes` as it lies there. */
  onPartial(bytes: number): void;
}

/** Entries between two breaths: other work (a signal, a progress line) gets its turn. */
const breath = 256;

/**
 * Reads everything in `blobs/`, streamed, and puts what can be hashed into the table. False when not everything was
 * seen: what was not may be there all the same.
 */
export async function readBlobs(
  store: OllamaStore,
  table: BlobTable,
  visitor: BlobVisitor,
): Promise<boolean> {
  const directory = store.blobs;
  if (directory === undefined) return !store.isUnread('blobs');
  let count = 0;
  try {
    for (const name of directory.names()) {
      readEntry(store, directory, name, table, visitor);
      count += 1;
      if (count % breath === 0) await setImmediate();
      if (visitor.signal.aborted) return false;
    }
    return true;
  } catch (error) {
    visitor.report({
      rule: 'store-unreadable',
      path: 'blobs',
      message: `blobs/ could not be read to its end: ${describeCause(error)}`,
    });
    return false;
  }
}

function readEntry(
  store: OllamaStore,
  directory: Directory,
  name: RawName,
  table: BlobTable,
  visitor: BlobVisitor,
): void {
  const kind = classifyBlobName(name);
  const isBlob = kind.kind === 'blob' || kind.kind === 'colon';
  if (isBlob && !visitor.wanted(kind.digest)) return;
  const path = `blobs/${rawToText(name)}`;
  if (isBlob) {
    const { digest } = kind;
    readBlob(store, directory, { name, path, digest, colon: kind.kind === 'colon' }, table, visitor);
    return;
  }
  let stat: Stats;
  try {
    stat = directory.lstat(name);
  } catch (error) {
    visitor.report({ rule: 'store-unreadable', path, message: `${path} ${whyNot(error)}` });
    return;
  }
  if (kind.kind === 'upper') reportUpper(path, visitor);
  else if (kind.kind === 'partial' && stat.isFile()) {
    visitor.onPartial(stat.size);
    const age = ageOf(stat.mtimeMs, visitor.now);
    visitor.report({
      rule: 'blob-partial',
      path,
      actual: age,
      message: `${path} is an unfinished download, ${age} old`,
    });
  } else if (!stat.isDirectory()) {
    const message = `${path} is no blob; Ollama deletes it at a start once it is an hour old`;
    visitor.report({ rule: 'blob-foreign', path, actual: typeOf(stat), message });
  }
}

interface NamedBlob {
  readonly name: RawName;
  readonly path: string;
  readonly digest: Digest;
  readonly colon: boolean;
}

/** The file that would be hashed, and where it lies when that is behind a link. */
interface FoundFile {
  readonly stat: Stats;
  readonly behind?: RawName;
}

function readBlob(
  store: OllamaStore,
  directory: Directory,
  blob: NamedBlob,
  table: BlobTable,
  visitor: BlobVisitor,
): void {
  const { path, digest, colon } = blob;
  if (colon) {
    visitor.report({
      rule: 'blob-name-colon',
      path,
      digest,
      message: `${path} has the old name with a colon; at its next start Ollama renames it over sha256-${digest.slice(7)}`,
    });
  }
  const found = findFile(store, directory, blob);
  if ('rule' in found) {
    visitor.onObstacle({ path, digest, colon, ...found });
    return;
  }
  reportOthers(store, directory, blob, found, visitor);
  const { stat, behind } = found;
  visitor.onBlob(table.add({ digest, size: stat.size, link: behind !== undefined, colon }), digest);
}

/** What makes a blob no worse now, and lets others make it so. */
function reportOthers(
  store: OllamaStore,
  directory: Directory,
  { name, path, digest }: NamedBlob,
  { stat, behind }: FoundFile,
  visitor: BlobVisitor,
): void {
  if (behind !== undefined) {
    const to = linkTargetText(behind);
    const message = `${path} is a link to ${to}; that file is hashed`;
    visitor.report({ rule: 'blob-link', path, digest, actual: to, message });
  }
  if (stat.nlink > 1) {
    const folder = behind === undefined ? store.path : folderOf(linkTargetText(behind));
    visitor.report({
      rule: 'blob-hard-link',
      path,
      digest,
      actual: `${stat.nlink} names`,
      message: `${path} has ${stat.nlink} names on this disk; whoever may write another one changes this blob`,
      hint: typedCommand(['find', folder, '-xdev', '-inum', `${stat.ino}`]),
    });
  }
  if ((stat.mode & 0o002) !== 0) {
    visitor.report({
      rule: 'blob-writable',
      path,
      digest,
      message: `every user of this machine can write ${path}`,
      hint: typedCommand(['chmod', 'o-w', directory.pathOf(name)]),
    });
  }
}

type Problem = Pick<BlobObstacle, 'rule' | 'message' | 'actual' | 'hint'>;

function findFile(store: OllamaStore, directory: Directory, blob: NamedBlob): FoundFile | Problem {
  const { name, path } = blob;
  let stat: Stats;
  try {
    stat = directory.lstat(name);
  } catch (error) {
    return { rule: 'blob-unreadable', message: `${path} ${whyNot(error)}`, actual: 'unreadable' };
  }
  if (stat.isSymbolicLink()) return followLink(store, directory, blob);
  if (stat.isFile()) return { stat };
  const type = typeOf(stat);
  const message = `${path} is a ${type}, not a file; it was not opened`;
  return { rule: 'blob-not-regular', message, actual: type };
}

/** The file behind a link, when links may lead there. */
function followLink(
  store: OllamaStore,
  directory: Directory,
  { name, path }: NamedBlob,
): FoundFile | Problem {
  const unfollowed = (problem: string): Problem => ({
    rule: 'blob-unreadable',
    message: `${path} is a link that cannot be followed: ${problem}`,
    actual: 'link',
  });
  const link = store.links.resolve(directory.reach(name));
  switch (link.kind) {
    case 'dangling':
      return {
        rule: 'blob-missing',
        message: `${path} is a link to a file that is not there`,
        actual: 'dangling link',
      };
    case 'loop':
      return {
        rule: 'blob-link-loop',
        message: `${path} is a link that leads to itself`,
        actual: 'loop',
      };
    case 'unreadable':
      return unfollowed(link.problem);
    case 'outside': {
      const to = linkTargetText(link.target);
      return {
        rule: 'blob-link-outside',
        message: `${path} is a link that leaves the store, to ${to}`,
        actual: to,
        hint: typedCommand(['verify-models', '--store', store.path, '--follow-links-into', folderOf(to)]),
      };
    }
    case 'allowed':
      break;
  }
  try {
    const stat = store.statBehindLink(directory, name);
    if (stat.isFile()) return { stat, behind: link.target };
    const type = typeOf(stat);
    return { rule: 'blob-not-regular', message: `${path} is a link to a ${type}`, actual: type };
  } catch (error) {
    return unfollowed(describeCause(error));
  }
}

const folderOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));

const whyNot = (error: unknown): string =>
  systemCode(error) === 'ENOENT'
    ? 'vanished while the store was read'
    : `cannot be looked at: ${describeCause(error)}`;

function reportUpper(path: string, visitor: BlobVisitor): void {
  const message = `${path} has upper-case digits; Ollama can never verify it and deletes it once it is an hour old`;
  visitor.report({ rule: 'blob-name-case', path, message });
}

function typeOf(stat: Stats): string {
  if (stat.isFIFO()) return 'FIFO';
  if (stat.isSocket()) return 'socket';
  if (stat.isCharacterDevice() || stat.isBlockDevice()) return 'device';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'link' : 'file';
}
