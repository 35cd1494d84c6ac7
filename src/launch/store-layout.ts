import { createHash, type Hash } from 'node:crypto';
import { type BigIntStats, fstatSync, lstatSync, statSync } from 'node:fs';
import type { Directory, RawName } from '../files/index.ts';
import type { OllamaStore } from '../store/index.ts';

/** Levels below `manifests/`: host, namespace, model, tag. A deeper one is no model's. */
const levels = 5;
/** Links that are followed, and names that are looked at behind them, which they can multiply: a check gives up a store with more. */
const [linkLimit, behindLinksLimit] = [1000, 100_000];

/**
 * A digest of which directories make up the store, and of every name below `manifests/` with its file's state, links
 * followed where the check follows them too: where it does not, nothing starts anyway.
 *
 * @throws system errors for what cannot be read
 */
export function layoutOf(store: OllamaStore): string {
  const layout: Layout = { store, hash: createHash('sha256'), links: linkLimit, names: behindLinksLimit };
  for (const directory of [store.manifests, store.blobs]) {
    const stat = directory === undefined ? undefined : fstatSync(directory.fd, { bigint: true });
    layout.hash.update(`${stat?.dev}:${stat?.ino}\n`);
  }
  if (store.manifests !== undefined)
    addNames(layout, { directory: store.manifests, path: '', above: [], behindLink: false });
  return layout.hash.digest('hex');
}

interface Layout {
  readonly store: OllamaStore;
  readonly hash: Hash;
  /** As many may still be followed. */
  links: number;
  /** As many may still be looked at behind links. */
  names: number;
}

interface Level {
  readonly directory: Directory;
  readonly path: RawName;
  /** The directories from which it was reached. */
  readonly above: readonly Directory[];
  readonly behindLink: boolean;
}

function addNames(layout: Layout, level: Level): void {
  const { directory, path, above, behindLink } = level;
  for (const name of [...directory.names()].sort()) {
    if (behindLink) layout.names -= 1;
    if (layout.names < 0) return;
    const stat = lstatSync(directory.reach(name), { bigint: true });
    const inside = { path: `${path}/${name}`, above: [...above, directory], behindLink };
    addState(layout, inside.path, stat);
    if (stat.isSymbolicLink()) addTarget(layout, name, level, inside);
    else if (stat.isDirectory() && above.length < levels) {
      using below = directory.openDirectory(name);
      addNames(layout, { ...inside, directory: below });
    }
  }
}

function addTarget(
  layout: Layout,
  name: RawName,
  { directory, above }: Level,
  inside: Omit<Level, 'directory'>,
): void {
  const target = layout.store.links.resolve(directory.reach(name));
  if (target.kind !== 'allowed') return;
  const stat = statSync(directory.reach(name), { bigint: true });
  addState(layout, inside.path, stat);
  if (!stat.isDirectory() || above.length >= levels) return;
  using below = layout.store.links.openDirectory(target.target);
  layout.links -= 1;
  if (layout.links < 0 || inside.above.some((one) => one.is(below))) return;
  addNames(layout, { ...inside, directory: below, behindLink: true });
}

function addState({ hash }: Layout, path: RawName, stat: BigIntStats): void {
  const { dev, ino, size, mtimeNs, ctimeNs } = stat;
  hash.update(`${path}\0${stat.mode}:${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}\n`, 'latin1');
}
