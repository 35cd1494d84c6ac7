import type { Report } from '../store/index.ts';
import { OllamaStore } from '../store/index.ts';
import { type GatheredModel, gatherModels } from './gather-models.ts';
import { takeInventory } from './inventory.ts';
import { readConfig } from './read-config.ts';

/** One line of `list`; what the config blob says is the publisher's word. */
export interface ListedModel {
  readonly name: string;
  readonly shortName: string;
  /** The first 12 digits of the manifest file's SHA-256, as `ollama list` shows an id; never a proof. */
  readonly id: string;
  readonly bytes: number;
  readonly parameters: string;
  readonly quantisation: string;
  /** Nothing is remembered between runs yet. */
  readonly state: 'not checked' | 'unreadable';
}

/** A list, and why it may not be all of it. */
export interface ModelListing {
  readonly models: readonly ListedModel[];
  readonly problems: readonly string[];
}

/** The models of a store, without hashing anything but config blobs. @throws KnownError STORE_UNREADABLE */
export async function listModels(
  path: string,
  followLinksInto: readonly string[],
  now: Date,
  signal: AbortSignal,
): Promise<ModelListing> {
  const silent: Report = () => {};
  const problems: string[] = [];
  const hear: Report = ({ rule, message }) => {
    if (rule === 'store-unreadable' || rule === 'store-link-outside') problems.push(message);
  };
  using store = OllamaStore.open(path, followLinksInto, hear);
  const { models } = await gatherModels(store, hear, signal);
  const inventory = await takeInventory(
    store,
    { models, all: models, whole: false, manifestsRead: true, now, signal },
    silent,
  );
  return { models: models.map((model) => listOne(store, model, inventory)), problems };
}

function listOne(
  store: OllamaStore,
  { record, manifest }: GatheredModel,
  { references, table }: Awaited<ReturnType<typeof takeInventory>>,
): ListedModel {
  const index = record.config === undefined ? undefined : references.get(record.config)?.index;
  const reading = index === undefined ? undefined : readConfig(store, table, index);
  const config = reading?.ok === true ? reading.config : undefined;
  return {
    name: record.full,
    shortName: record.short,
    id: record.idDigest?.slice('sha256:'.length, 'sha256:'.length + 12) ?? '',
    bytes: record.bytes,
    parameters: config?.parameters ?? '',
    quantisation: config?.quantisation ?? '',
    state: manifest === undefined ? 'unreadable' : 'not checked',
  };
}
