import type {
  LayerChange,
  ListDifference,
  ListedDescriptor,
  ListedModel,
  Restatement,
} from '../allow-list/index.ts';
import { compareGgufMetadata, type GgufChange, type GgufMetadata } from '../gguf/index.ts';
import type { Digest } from '../oci/index.ts';
import type { LayerReading } from './store-as-list.ts';

/** Reads layers by their digest, wherever their bytes are. */
export interface LayerReader {
  text(digest: Digest): LayerReading<string>;
  metadata(digest: Digest): LayerReading<GgufMetadata>;
}

/** What a person can read of a layer that changed. */
export type LayerContent =
  /** Both texts; an empty one on the side where there is no such layer. */
  | ({ readonly kind: 'texts'; readonly before: string; readonly after: string } & Remark)
  /** What the weights say of themselves and did not say before; the header's version and count of tensors apart. */
  | ({
      readonly kind: 'metadata';
      readonly changes: readonly GgufChange[];
      readonly header: readonly HeaderChange[];
    } & Remark)
  /** Nothing, and why. */
  | { readonly kind: 'unread'; readonly problem: string };

/** Why the layer as it was cannot be read, where only what it is now is shown: a pull removes what it replaces. */
interface Remark {
  readonly unreadBefore?: string;
}

export interface HeaderChange {
  readonly what: 'GGUF version' | 'tensors';
  readonly before: number;
  readonly after: number;
}

export interface DescribedLayer extends LayerChange {
  readonly content: LayerContent;
}

export interface DescribedModel {
  readonly name: string;
  readonly before: ListedModel;
  readonly after: ListedModel;
  /** Config first; none when the same layers stand in another order, or only the manifest was written again. */
  readonly layers: readonly DescribedLayer[];
  /** What is said otherwise of the same bytes. */
  readonly restated: readonly Restatement[];
}

const gguf: ReadonlySet<string> = new Set(['weights', 'adapter', 'projector', 'draft']);
const binary: ReadonlySet<string> = new Set(['tensor', 'embeddings']);

/** Reads what changed in the moved models, as far as the bytes are in the store. */
export function describeChanges(
  moved: ListDifference['moved'],
  store: LayerReader | undefined,
): DescribedModel[] {
  return moved.map(({ name, before, after, layers, restated }) => ({
    ...{ name, before, after, restated },
    layers: layers.map((layer) => ({ ...layer, content: contentOf(layer, store) })),
  }));
}

function contentOf({ kind, before, after }: LayerChange, store: LayerReader | undefined): LayerContent {
  if (store === undefined) return { kind: 'unread', problem: 'there is no store here to read it from' };
  if (binary.has(kind)) return { kind: 'unread', problem: 'it is no text' };
  if (gguf.has(kind)) {
    const read = readerOf(noMetadata, (digest) => store.metadata(digest));
    return both(read(before), read(after), noMetadata, after === undefined, (old, now) => ({
      kind: 'metadata',
      changes: compareGgufMetadata(old, now),
      header: old === noMetadata || now === noMetadata ? [] : headerChanges(old, now),
    }));
  }
  const read = readerOf('', (digest) => store.text(digest));
  return both(read(before), read(after), '', after === undefined, (old, now) => ({
    kind: 'texts',
    before: old,
    after: now,
  }));
}

const headerChanges = (before: GgufMetadata, after: GgufMetadata): HeaderChange[] =>
  [
    { what: 'GGUF version' as const, before: before.version, after: after.version },
    { what: 'tensors' as const, before: before.tensorCount, after: after.tensorCount },
  ].filter((change) => change.before !== change.after);

const noMetadata: GgufMetadata = {
  ...{ version: 3, tensorCount: 0, keyCount: 0 },
  ...{ values: new Map(), types: new Map() },
};

/** Reads one side of a change; where there is no such layer, it is as if nothing stood there. */
const readerOf =
  <T>(nothing: T, read: (digest: Digest) => LayerReading<T>) =>
  (entry: ListedDescriptor | undefined): LayerReading<T> =>
    entry === undefined ? { value: nothing } : read(entry.digest);

function both<T>(
  before: LayerReading<T>,
  after: LayerReading<T>,
  nothing: T,
  isGone: boolean,
  make: (before: T, after: T) => Exclude<LayerContent, { kind: 'unread' }>,
): LayerContent {
  if ('problem' in after) {
    const same = !('problem' in before) || before.problem === after.problem;
    return {
      kind: 'unread',
      problem: same ? after.problem : `now: ${after.problem}; before: ${before.problem}`,
    };
  }
  // A layer that is gone and was not kept: nothing on either side, which is not the same as two that are equal.
  if ('problem' in before && isGone) return { kind: 'unread', problem: before.problem };
  if ('problem' in before) return { ...make(nothing, after.value), unreadBefore: before.problem };
  return make(before.value, after.value);
}
