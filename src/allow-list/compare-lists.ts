import { type LayerKind, layerKind } from '../oci/index.ts';
import type { AllowList, ListedDescriptor, ListedModel } from './allow-list.ts';

/** One layer of a moved model, on one side or on both. */
export interface LayerChange {
  readonly kind: LayerKind;
  readonly before: ListedDescriptor | undefined;
  readonly after: ListedDescriptor | undefined;
}

/** What is different between two sets of models. `moved`: same name, other content or other manifest. */
export interface ListDifference {
  readonly added: readonly { readonly name: string; readonly model: ListedModel }[];
  readonly removed: readonly { readonly name: string; readonly model: ListedModel }[];
  readonly moved: readonly {
    readonly name: string;
    readonly before: ListedModel;
    readonly after: ListedModel;
    /** Layers that differ, config first; empty when only the bytes of the manifest do. */
    readonly layers: readonly LayerChange[];
  }[];
  readonly unchanged: number;
}

/** Compares models by name; order of names, notes and sources does not count. */
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
      if (old.manifest.digest !== now.manifest.digest || layers.length > 0) {
        moved.push({ name, before: old, after: now, layers });
      }
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
  const gone = old.filter((layer) => !now.some((other) => other.digest === layer.digest));
  const fresh = now.filter((layer) => !old.some((other) => other.digest === layer.digest));
  const count = Math.max(gone.length, fresh.length);
  return Array.from({ length: count }, (_, at) => change(kind, gone[at], fresh[at]));
}
