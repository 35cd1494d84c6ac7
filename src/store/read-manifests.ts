import { createHash } from 'node:crypto';
import { closeSync, fstatSync, type Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import {
  type Directory,
  type FileIdentity,
  identityOf,
  type RawName,
  type ReadFor,
  rawToText,
  readSmall,
} from '../files/index.ts';
import { typedCommand } from '../findings/index.ts';
import {
  type Digest,
  digestFromBytes,
  isDigest,
  type ManifestReading,
  manifestSizeLimit,
  parseManifest,
} from '../oci/index.ts';
import { linkTargetText } from './links.ts';
import type { OllamaStore, Report } from './ollama-store.ts';

/** One file under `manifests/`. */
export interface ManifestFile {
  /** Its path below `manifests/`, one part a level, as text. */
  readonly parts: readonly string[];
  readonly content:
    | {
        readonly kind: 'read';
        /** SHA-256 of the file. */
        readonly digest: Digest;
        /** What `ollama list` shows the beginning of. */
        readonly idDigest: Digest;
        readonly bytes: number;
        /** The state of the file that was read. */
        readonly state: FileIdentity;
        readonly reading: ManifestReading;
        readonly looksLikeJson: boolean;
        /** Digests in the text of a manifest that was refused, so that its blobs are not taken for orphans. */
        readonly mentions: readonly Digest[];
      }
    | { readonly kind: 'too-large'; readonly bytes: number }
    | {
        readonly kind: 'unreadable';
        readonly problem: string;
        /** What lies there must go first, or somebody must look; `told` when the walk has reported it already. */
        readonly remedy: 'remove' | 'look' | 'told';
      };
}

/** Directories below `manifests/`; Ollama uses four levels, file systems allow thousands. */
const depthLimit = 64;

/** Digests that are taken from the text of a refused manifest. */
export const mentionLimit = 1000;

/** Linked directories that are followed in one walk, and entries that are looked at behind them. */
const linkLimit = 1000;
const behindLinksLimit = 100_000;

/** Entries between two breaths: a signal or a progress line gets its turn. */
const breath = 256;

/**
 * Reads every file under `manifests/`, whatever its depth and name, in directory order. Each is read through one
 * descriptor, up to the limit for manifests; nothing else than a regular file is opened.
 *
 * @param use `state` where something is started because of the states that are given here
 */
export async function* readManifests(
  store: OllamaStore,
  report: Report,
  signal: AbortSignal,
  use: ReadFor = 'bytes',
): AsyncGenerator<ManifestFile> {
  if (store.manifests === undefined) return;
  let count = 0;
  const root: Level = { directory: store.manifests, parts: [], above: undefined, behindLink: false };
  for (const file of new Walk(store, report, use).level(root)) {
    if (file !== undefined) yield file;
    count += 1;
    if (count % breath === 0) await setImmediate();
    if (signal.aborted) return;
  }
}

/** A directory that is being read, and the one it was reached from. */
interface Level {
  readonly directory: Directory;
  readonly parts: readonly string[];
  readonly above: Level | undefined;
  /** It was reached through a linked directory. */
  readonly behindLink: boolean;
}

/** What a walk gives: a file, or nothing for an entry that is none, so that its reader can take a breath. */
type Walked = Generator<ManifestFile | undefined>;

const pathOf = (parts: readonly string[]): string => ['manifests', ...parts].join('/');

class Walk {
  readonly #store: OllamaStore;
  readonly #report: Report;
  readonly #use: ReadFor;
  #linksFollowed = 0;
  #behindLinks = 0;

  constructor(store: OllamaStore, report: Report, use: ReadFor) {
    this.#store = store;
    this.#report = report;
    this.#use = use;
  }

  *level(level: Level): Walked {
    try {
      for (const name of level.directory.names()) {
        if (level.behindLink && this.#tooManyBehindLinks(level)) return;
        yield* this.#entry(level, name, [...level.parts, rawToText(name)]);
      }
    } catch (error) {
      this.#unreadable(level.parts, `could not be read to its end: ${describeCause(error)}`);
    }
  }

  *#entry(level: Level, name: RawName, parts: readonly string[]): Walked {
    const { directory, behindLink } = level;
    try {
      const stat = directory.lstat(name);
      if (stat.isSymbolicLink()) yield* this.#link(level, name, parts);
      else if (stat.isDirectory()) {
        using inside = directory.openDirectory(name);
        yield* this.#descend({ directory: inside, parts, above: level, behindLink });
      } else yield this.#read(stat, () => directory.openFile(name), parts, directory.pathOf(name));
    } catch (error) {
      this.#unreadable(parts, `cannot be read: ${describeCause(error)}`);
    }
  }

  *#descend(level: Level): Walked {
    const { directory, parts } = level;
    yield undefined;
    if ((directory.mode & 0o002) !== 0) {
      const path = pathOf(parts);
      const hint = typedCommand(['chmod', 'o-w', directory.path]);
      const message = `every user of this machine can write into ${path}/`;
      this.#report({ rule: 'manifest-writable', path, message, hint });
    }
    if (parts.length < depthLimit) yield* this.level(level);
    else this.#unreadable(parts, `is deeper than ${depthLimit} levels; what lies below was not read`);
  }

  *#link(level: Level, name: RawName, parts: readonly string[]): Walked {
    const path = pathOf(parts);
    const target = this.#store.links.resolve(level.directory.reach(name));
    if (target.kind === 'outside') {
      const to = linkTargetText(target.target);
      const hint = typedCommand(['verify-models', '--store', this.#store.path, '--follow-links-into', to]);
      const message = `${path} is a link that leaves the store, to ${to}; it was not read`;
      this.#report({ rule: 'store-link-outside', path, actual: to, message, hint });
      yield {
        parts,
        content: { kind: 'unreadable', problem: 'a link that leaves the store', remedy: 'told' },
      };
      return;
    }
    if (target.kind !== 'allowed') {
      yield {
        parts,
        content: {
          kind: 'unreadable',
          problem: `a link that leads nowhere (${target.kind})`,
          remedy: 'remove',
        },
      };
      return;
    }
    this.#report({
      rule: 'manifest-link',
      path,
      message: `${path} is a link to ${linkTargetText(target.target)}`,
    });
    const stat = this.#store.statBehindLink(level.directory, name);
    if (!stat.isDirectory()) {
      const open = () => this.#store.links.openFile(target.target);
      yield this.#read(stat, open, parts, level.directory.pathOf(name));
      return;
    }
    using inside = this.#store.links.openDirectory(target.target);
    if (this.#mayFollow(inside, level))
      yield* this.#descend({ directory: inside, parts, above: level, behindLink: true });
    else this.#unreadable(parts, 'is a link that leads back above itself, or one link too many');
  }

  #read(stat: Stats, open: () => number, parts: readonly string[], absolute: string): ManifestFile {
    if (!stat.isFile())
      return {
        parts,
        content: { kind: 'unreadable', problem: 'it is not a regular file', remedy: 'remove' },
      };
    if ((stat.mode & 0o002) !== 0) {
      const path = pathOf(parts);
      const hint = typedCommand(['chmod', 'o-w', absolute]);
      const message = `every user of this machine can write ${path}`;
      this.#report({ rule: 'manifest-writable', path, message, hint });
    }
    let fd: number | undefined;
    try {
      fd = open();
      const bytes = readSmall(fd, manifestSizeLimit, this.#use);
      if (bytes === undefined) return { parts, content: { kind: 'too-large', bytes: stat.size } };
      return { parts, content: readContent(bytes, identityOf(fstatSync(fd, { bigint: true }))) };
    } catch (error) {
      const problem = error instanceof KnownError ? error.message : describeCause(error);
      const vanished = systemCode(error) === 'ENOENT' ? 'it vanished while the store was read' : problem;
      return { parts, content: { kind: 'unreadable', problem: vanished, remedy: 'look' } };
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  /** Links among directories can multiply without end: never back above oneself, and a thousand in all. */
  #mayFollow(inside: Directory, from: Level): boolean {
    for (let level: Level | undefined = from; level !== undefined; level = level.above) {
      if (level.directory.is(inside)) return false;
    }
    this.#linksFollowed += 1;
    return this.#linksFollowed <= linkLimit;
  }

  /** A few links can show the same thousands of files under a thousand names. */
  #tooManyBehindLinks({ parts }: Level): boolean {
    this.#behindLinks += 1;
    if (this.#behindLinks <= behindLinksLimit) return false;
    this.#unreadable(parts, `is read no further: more than ${behindLinksLimit} entries lie behind links`);
    return true;
  }

  #unreadable(parts: readonly string[], what: string): void {
    const path = pathOf(parts);
    const shown = path.length > 120 ? `${path.slice(0, 120)}...` : path;
    this.#report({ rule: 'store-unreadable', path, message: `${shown} ${what}` });
  }
}

function readContent(bytes: Buffer, state: FileIdentity): ManifestFile['content'] {
  const reading = parseManifest(bytes);
  return {
    kind: 'read',
    digest: sha256(bytes),
    idDigest: sha256(listedPart(bytes)),
    bytes: bytes.length,
    state,
    reading,
    looksLikeJson: /^[\s\ufeff]*\{/.test(bytes.toString('utf8', 0, 64)),
    mentions: reading.ok ? [] : mentionedDigests(bytes),
  };
}

const sha256 = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

/**
 * The bytes that the JSON decoder of `ollama list` has read when the value ends: all, but for a last newline that its
 * buffer had no room for. The buffer starts with 512 bytes and grows to twice its size and 512 more.
 */
function listedPart(bytes: Buffer): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  let buffer = 512;
  while (buffer < bytes.length - 1) buffer = buffer * 2 + 512;
  return buffer === bytes.length - 1 ? bytes.subarray(0, -1) : bytes;
}

function mentionedDigests(bytes: Buffer): Digest[] {
  const found = new Set<string>();
  for (const match of bytes.toString('latin1').matchAll(/sha256:[0-9a-f]{64}(?![0-9a-f])/g)) {
    found.add(match[0]);
    if (found.size >= mentionLimit) break;
  }
  return [...found].filter(isDigest);
}
