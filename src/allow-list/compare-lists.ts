import { type Digest, type LayerKind, layerKind, shortDigest } from '../oci/index.ts';
import type { AllowList, ListedDescriptor, ListedModel } from './allow-list.ts';

/** One layer of a moved model, on one side or on both. */
export interface LayerChange {
  readonly kind: LayerKind;
  readonly before: ListedDescriptor | undefined;
  readonly after: ListedDescriptor | undefined;
}

/** What is said otherwise of bytes that are the same: of a layer, of the config, or of the manifest. */
export interface Restatement {
  readonly kind: LayerKind | 'manifest';
  readonly what: 'size' | 'media type' | 'file name' | 'order';
  /** Sizes in bytes; for an order the short digests of the layers of this kind, one after the other; undefined where nothing is said. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** What is different between two sets of models. `moved`: same name, and anything else but notes, sources and tables. */
export interface ListDifference {
  readonly added: readonly { readonly name: string; readonly model: ListedModel }[];
  readonly removed: readonly { readonly name: string; readonly model: ListedModel }[];
  readonly moved: readonly {
    readonly name: string;
    readonly before: ListedModel;
    readonly after: ListedModel;
    /** Layers that differ, config first; empty when only the bytes of the manifest do. */
    readonly layers: readonly LayerChange[];
    readonly restated: readonly Restatement[];
  }[];
  readonly unchanged: number;
}

/** Compares models by name; order of names, notes, sources and chunk tables do not count. */
export function compareLists(before: AllowList['models'], after: AllowList['models']): ListDifference {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const added: { name: string; model: ListedModel }[] = [];
  const removed: { name: string; model: ListedModel }[] = [];
  const moved: ListDifference['moved'][number][] = [];
  for (const name of names) {
    const [old, now] = [before.get(name), after.get(name)];
    if (old === undefined && now !== undefined) added.push({ name, model: now });
    else if (old !== undefined && now === undefined) removed.push({ name, model: old });
    else if (old !== undefined && now !== undefined) {
      const layers = changedLayers(old, now);
      const restated = restatements(old, now);
      const same = old.manifest.digest === now.manifest.digest && digestsOf(old) === digestsOf(now);
      if (!same || layers.length + restated.length > 0)
        moved.push({ name, before: old, after: now, layers, restated });
    }
  }
  return { added, removed, moved, unchanged: names.length - added.length - removed.length - moved.length };
}

/** Layers of one kind are paired in order; what has no partner was added or removed. */
export function changedLayers(before: ListedModel, after: ListedModel): LayerChange[] {
  const config =
    before.config.digest === after.config.digest ? [] : [change('config', before.config, after.config)];
  const kinds = [...new Set([...before.layers, ...after.layers].map((layer) => layerKind(layer.mediaType)))];
  return [...config, ...kinds.flatMap((kind) => changesOfKind(kind, before.layers, after.layers))];
}

/** In their order. */
const digestsOf = ({ config, layers }: ListedModel): string =>
  [config, ...layers].map(({ digest }) => digest).join(' ');

/** What two entries say otherwise of the same manifest, and of layers with the same digest, the first of them first. */
export function restatements(before: ListedModel, after: ListedModel): Restatement[] {
  const [old, now] = [before.manifest, after.manifest];
  const manifest =
    old.digest === now.digest ? restated('manifest', [['size', `${old.size}`, `${now.size}`]]) : [];
  const left = new Map(Map.groupBy([after.config, ...after.layers], ({ digest }) => digest));
  const entries = [before.config, ...before.layers].flatMap((entry) => {
    const same = left.get(entry.digest)?.shift();
    if (same === undefined) return [];
    const kind = entry === before.config ? 'config' : layerKind(entry.mediaType);
    return restated(kind, [
      ['size', `${entry.size}`, `${same.size}`],
      ['media type', entry.mediaType, same.mediaType],
      ['file name', entry.name, same.name],
    ]);
  });
  return [...manifest, ...entries, ...orders(before, after)];
}

/** Kinds whose layers stand on both sides and in another order: of several templates the last one is what Ollama takes. */
function orders({ layers: old }: ListedModel, { layers: now }: ListedModel): Restatement[] {
  const kinds = [...new Set(old.map(({ mediaType }) => layerKind(mediaType)))];
  return kinds.flatMap((kind) => {
    const of = (layers: readonly ListedDescriptor[], other: readonly ListedDescriptor[]) =>
      layers
        .filter(({ mediaType }) => layerKind(mediaType) === kind)
        .filter(({ digest }) => other.some((one) => one.digest === digest))
        .map(({ digest }) => shortDigest(digest))
        .join(' ');
    return restated(kind, [['order', of(old, now), of(now, old)]]);
  });
}

const restated = (
  kind: Restatement['kind'],
  points: readonly (readonly [Restatement['what'], string | undefined, string | undefined])[],
): Restatement[] =>
  points.flatMap(([what, before, after]) => (before === after ? [] : [{ kind, what, before, after }]));

const change = (kind: LayerKind, before?: ListedDescriptor, after?: ListedDescriptor): LayerChange => ({
  kind,
  before,
  after,
});

function changesOfKind(
  kind: LayerKind,
  before: readonly ListedDescriptor[],
  after: readonly ListedDescriptor[],
): LayerChange[] {
  const of = (layers: readonly ListedDescriptor[]) =>
    layers.filter((layer) => layerKind(layer.mediaType) === kind);
  const [old, now] = [of(before), of(after)];
  // One by one: a layer that is named twice, and once before, is one more.
  const gone = without(old, now);
  const fresh = without(now, old);
  const count = Math.max(gone.length, fresh.length);
  return Array.from({ length: count }, (_, at) => change(kind, gone[at], fresh[at]));
}

/** The layers of which the other side has no partner left, in their order. */
function without(
  layers: readonly ListedDescriptor[],
  other: readonly ListedDescriptor[],
): ListedDescriptor[] {
  const left = new Map<Digest, number>();
  for (const { digest } of other) left.set(digest, (left.get(digest) ?? 0) + 1);
  return layers.filter(({ digest }) => {
    const count = left.get(digest) ?? 0;
    left.set(digest, count - 1);
    return count <= 0;
  });
}
