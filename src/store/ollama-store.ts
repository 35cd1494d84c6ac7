import { type BigIntStats, type Stats, statSync } from 'node:fs';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { Directory, type RawName, textToRaw } from '../files/index.ts';
import { type Fact, typedCommand } from '../findings/index.ts';
import { LinkPolicy, linkTargetText } from './links.ts';

export type Report = (fact: Fact) => void;

/** Ollama's models directory, held open: nothing below it is reached by a path that could be swapped. */
export class OllamaStore implements Disposable {
  /** Absolute, links resolved. */
  readonly path: string;
  readonly links: LinkPolicy;
  /** Undefined where it is not there or may not be read; the reason was reported. */
  readonly manifests: Directory | undefined;
  readonly blobs: Directory | undefined;
  readonly #root: Directory;
  readonly #unread = new Set<'manifests' | 'blobs'>();

  private constructor(path: string, root: Directory, followInto: readonly string[], report: Report) {
    this.path = path;
    this.#root = root;
    this.links = new LinkPolicy(path, followInto);
    this.#reportWritableRoot(report);
    this.manifests = this.#part('manifests', report);
    this.blobs = this.#part('blobs', report);
    this.#reportVolumeGroup(report);
  }

  /**
   * Opens a store that was located. A part that is not there is no error: a fresh store has none.
   *
   * @throws KnownError STORE_UNREADABLE
   */
  static open(path: string, followInto: readonly string[], report: Report): OllamaStore {
    let root: Directory;
    try {
      root = Directory.open(textToRaw(path));
    } catch (error) {
      throw new KnownError('STORE_UNREADABLE', { path, problem: describeCause(error) }, error);
    }
    return new OllamaStore(path, root, followInto, report);
  }

  /** Whether a part is there and could not be opened; what it holds is then unknown, not missing. */
  isUnread(part: 'manifests' | 'blobs'): boolean {
    return this.#unread.has(part);
  }

  /** Facts about the file at the end of a link whose target may be followed. @throws system errors */
  statBehindLink(directory: Directory, name: RawName): Stats {
    return statSync(directory.reach(name));
  }

  /** Facts about a manifest, by its path from `manifests/` on, links followed. @throws system errors */
  manifestStat(path: RawName): BigIntStats {
    const below = path.slice('manifests/'.length);
    return statSync(this.manifests?.reach(below) ?? this.#root.reach(path), { bigint: true });
  }

  [Symbol.dispose](): void {
    this.manifests?.[Symbol.dispose]();
    this.blobs?.[Symbol.dispose]();
    this.#root[Symbol.dispose]();
  }

  /** Who may write into the store's own directory can put another manifests/ there, unless it is sticky. */
  #reportWritableRoot(report: Report): void {
    if ((this.#root.mode & 0o1002) !== 0o002) return;
    report({
      rule: 'manifest-writable',
      path: '.',
      message:
        'every user of this machine can replace manifests/ and blobs/: the directory above them is theirs',
      hint: typedCommand(['chmod', 'o-w', this.path]),
    });
  }

  /** Kubernetes gives a volume with an fsGroup to that group, and marks it so (setgid): Ollama's container is in it too. */
  #reportVolumeGroup(report: Report): void {
    const shared = [this.#root, this.manifests, this.blobs].find(
      (directory) => directory !== undefined && (directory.mode & 0o2022) === 0o2020,
    );
    if (shared === undefined) return;
    report({
      rule: 'volume-group-writable',
      path: '.',
      actual: `group ${shared.gid}`,
      message: `every member of group ${shared.gid} can write into the store, as the fsGroup of a Kubernetes volume has it`,
    });
  }

  #part(name: 'manifests' | 'blobs', report: Report): Directory | undefined {
    try {
      const stat = this.#root.lstat(name);
      const directory = stat.isSymbolicLink()
        ? this.#behindLink(name, report)
        : this.#root.openDirectory(name);
      if (directory !== undefined && (directory.mode & 0o002) !== 0) {
        const rule = name === 'blobs' ? 'blob-writable' : 'manifest-writable';
        report({
          rule,
          path: name,
          message: `every user of this machine can write into ${name}/`,
          hint: typedCommand(['chmod', 'o-w', `${this.path}/${name}`]),
        });
      }
      return directory;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      this.#unread.add(name);
      report({
        rule: 'store-unreadable',
        path: name,
        message: `${name}/ cannot be read: ${describeCause(error)}; nothing in it was checked`,
      });
      return undefined;
    }
  }

  #behindLink(name: 'manifests' | 'blobs', report: Report): Directory | undefined {
    const target = this.links.resolve(this.#root.reach(name));
    if (target.kind === 'allowed') {
      const rule = name === 'blobs' ? 'blob-link' : 'manifest-link';
      report({ rule, path: name, message: `${name}/ is a link to ${linkTargetText(target.target)}` });
      return this.links.openDirectory(target.target);
    }
    this.#unread.add(name);
    if (target.kind === 'outside') {
      const to = linkTargetText(target.target);
      report({
        rule: 'store-link-outside',
        path: name,
        actual: to,
        message: `${name}/ is a link that leaves the store, to ${to}; nothing in it was checked`,
        hint: typedCommand(['verify-models', '--store', this.path, '--follow-links-into', to]),
      });
      return undefined;
    }
    report({
      rule: 'store-unreadable',
      path: name,
      message: `${name}/ is a link that leads nowhere (${target.kind})`,
    });
    return undefined;
  }
}
