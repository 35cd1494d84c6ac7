import type { Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describeCause, systemCode } from '../errors/index.ts';
import { type Directory, type RawName, rawToText } from '../files/index.ts';
import { shellWord, typedCommand } from '../findings/index.ts';
import type { Digest } from '../oci/index.ts';
import { ageOf } from './age.ts';
import { classifyBlobName } from './blob-names.ts';
import type { BlobIndex, BlobTable } from './blob-table.ts';
import { linkTargetText } from './links.ts';
import type { OllamaStore, Report } from './ollama-store.ts';

/** What is in the place of a blob that cannot be hashed. */
export interface BlobObstacle {
  readonly digest: Digest;
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
const breath = 4096;

/** Reads everything in `blobs/`, streamed, and puts what can be hashed into the table. */
export async function readBlobs(store: OllamaStore, table: BlobTable, visitor: BlobVisitor): Promise<void> {
  const directory = store.blobs;
  if (directory === undefined) return;
  let count = 0;
  try {
    for (const name of directory.names()) {
      readEntry(store, directory, name, table, visitor);
      count += 1;
      if (count % breath === 0) await setImmediate();
      if (visitor.signal.aborted) return;
    }
  } catch (error) {
    visitor.report({
      rule: 'store-unreadable',
      path: 'blobs',
      message: `blobs/ could not be read to its end: ${describeCause(error)}`,
    });
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
  if ((kind.kind === 'blob' || kind.kind === 'colon') && !visitor.wanted(kind.digest)) return;
  const path = `blobs/${rawToText(name)}`;
  let stat: Stats;
  try {
    stat = directory.lstat(name);
  } catch (error) {
    const gone = systemCode(error) === 'ENOENT';
    const message = gone ? `${path} vanished while the store was read` : `${path}: ${describeCause(error)}`;
    if (kind.kind === 'blob') obstacle(visitor, kind.digest, 'blob-unreadable', message, 'unreadable');
    else visitor.report({ rule: 'store-unreadable', path, message });
    return;
  }
  if (kind.kind === 'blob' || kind.kind === 'colon') {
    readBlob(
      store,
      directory,
      { name, path, digest: kind.digest, colon: kind.kind === 'colon', stat },
      table,
      visitor,
    );
  } else if (kind.kind === 'upper') {
    reportUpper(path, visitor);
  } else if (kind.kind === 'partial' && stat.isFile()) {
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
  readonly stat: Stats;
}

function readBlob(
  store: OllamaStore,
  directory: Directory,
  blob: NamedBlob,
  table: BlobTable,
  visitor: BlobVisitor,
): void {
  const { name, path, digest, colon, stat } = blob;
  const link = stat.isSymbolicLink();
  const size = link ? followedSize(store, directory, blob, visitor) : stat.size;
  if (size === undefined) return;
  if (!link && !stat.isFile()) {
    const type = typeOf(stat);
    obstacle(
      visitor,
      digest,
      'blob-not-regular',
      `${path} is a ${type}, not a file; it was not opened`,
      type,
    );
    return;
  }
  if (colon) {
    visitor.report({
      rule: 'blob-name-colon',
      path,
      digest,
      message: `${path} has the old name with a colon; at its next start Ollama renames it over sha256-${digest.slice(7)}`,
    });
  }
  if (!link && stat.nlink > 1) {
    visitor.report({
      rule: 'blob-hard-link',
      path,
      digest,
      actual: `${stat.nlink} names`,
      message: `${path} has ${stat.nlink} names on this disk; whoever may write another one changes this blob`,
      hint: `find ${shellWord(store.path)} -xdev -inum ${stat.ino}`,
    });
  }
  if (!link && (stat.mode & 0o002) !== 0) {
    const hint = typedCommand(['chmod', 'o-w', directory.pathOf(name)]);
    visitor.report({
      rule: 'blob-writable',
      path,
      digest,
      message: `every user of this machine can write ${path}`,
      hint,
    });
  }
  visitor.onBlob(table.add({ digest, size, link, colon }), digest);
}

/** The size of the file behind a link that may be followed; otherwise the obstacle was reported. */
function followedSize(
  store: OllamaStore,
  directory: Directory,
  { name, path, digest }: NamedBlob,
  visitor: BlobVisitor,
): number | undefined {
  const target = store.links.resolve(directory.reach(name));
  if (target.kind === 'dangling') {
    obstacle(
      visitor,
      digest,
      'blob-missing',
      `${path} is a link to a file that is not there`,
      'dangling link',
    );
  } else if (target.kind === 'loop') {
    obstacle(visitor, digest, 'blob-link-loop', `${path} is a link that leads to itself`, 'loop');
  } else if (target.kind === 'unreadable') {
    obstacle(
      visitor,
      digest,
      'blob-unreadable',
      `${path} is a link that cannot be followed: ${target.problem}`,
      'link',
    );
  } else if (target.kind === 'outside') {
    const to = linkTargetText(target.target);
    const into = to.slice(0, Math.max(1, to.lastIndexOf('/')));
    const hint = typedCommand(['verify-models', '--store', store.path, '--follow-links-into', into]);
    obstacle(
      visitor,
      digest,
      'blob-link-outside',
      `${path} is a link that leaves the store, to ${to}`,
      to,
      hint,
    );
  } else {
    return sizeBehind(store, directory, name, path, digest, linkTargetText(target.target), visitor);
  }
  return undefined;
}

function sizeBehind(
  store: OllamaStore,
  directory: Directory,
  name: RawName,
  path: string,
  digest: Digest,
  to: string,
  visitor: BlobVisitor,
): number | undefined {
  try {
    const behind = store.statBehindLink(directory, name);
    if (behind.isFile()) {
      visitor.report({
        rule: 'blob-link',
        path,
        digest,
        actual: to,
        message: `${path} is a link to ${to}; that file is hashed`,
      });
      return behind.size;
    }
    obstacle(visitor, digest, 'blob-not-regular', `${path} is a link to a ${typeOf(behind)}`, typeOf(behind));
  } catch (error) {
    obstacle(
      visitor,
      digest,
      'blob-unreadable',
      `${path} is a link that cannot be followed: ${describeCause(error)}`,
      'link',
    );
  }
  return undefined;
}

function reportUpper(path: string, visitor: BlobVisitor): void {
  const message = `${path} has upper-case digits; Ollama can never verify it and deletes it once it is an hour old`;
  visitor.report({ rule: 'blob-name-case', path, message });
}

function obstacle(
  visitor: BlobVisitor,
  digest: Digest,
  rule: BlobObstacle['rule'],
  message: string,
  actual: string,
  hint?: string,
): void {
  visitor.onObstacle({ digest, rule, message, actual, hint });
}

function typeOf(stat: Stats): string {
  if (stat.isFIFO()) return 'FIFO';
  if (stat.isSocket()) return 'socket';
  if (stat.isCharacterDevice() || stat.isBlockDevice()) return 'device';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'link' : 'file';
}
