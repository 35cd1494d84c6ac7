import type { LayerChange, ListDifference, ListedModel } from '../allow-list/index.ts';
import { compareGgufMetadata, type GgufChange } from '../gguf/index.ts';
import type { ComparedStore } from './store-as-list.ts';

/** One layer of a moved model, with what a person can read of it. */
export interface DescribedLayer extends LayerChange {
  /** Both texts, where both are here; `after` alone for a layer that was added. */
  readonly texts: { readonly before: string; readonly after: string } | undefined;
  /** What the weights say of themselves and did not say before. */
  readonly metadata: readonly GgufChange[] | undefined;
}

export interface DescribedModel {
  readonly name: string;
  readonly before: ListedModel;
  readonly after: ListedModel;
  readonly layers: readonly DescribedLayer[];
}

const binary: ReadonlySet<string> = new Set(['weights', 'adapter', 'projector', 'draft', 'tensor']);

/** Reads what changed in the moved models, as far as the bytes are in the store. */
export function describeChanges(
  moved: ListDifference['moved'],
  store: ComparedStore | undefined,
): DescribedModel[] {
  return moved.map(({ name, before, after, layers }) => ({
    name,
    before,
    after,
    layers: layers.map((layer) => ({
      ...layer,
      texts: textsOf(layer, store),
      metadata: metadataOf(layer, store),
    })),
  }));
}

function textsOf(
  { kind, before, after }: LayerChange,
  store: ComparedStore | undefined,
): DescribedLayer['texts'] {
  if (store === undefined || binary.has(kind)) return undefined;
  const [old, now] = [
    before === undefined ? '' : store.text(before.digest),
    after === undefined ? '' : store.text(after.digest),
  ];
  return old === undefined || now === undefined ? undefined : { before: old, after: now };
}

function metadataOf(
  { kind, before, after }: LayerChange,
  store: ComparedStore | undefined,
): readonly GgufChange[] | undefined {
  if (store === undefined || !binary.has(kind) || before === undefined || after === undefined)
    return undefined;
  const [old, now] = [store.metadata(before.digest), store.metadata(after.digest)];
  return old === undefined || now === undefined ? undefined : compareGgufMetadata(old, now);
}
