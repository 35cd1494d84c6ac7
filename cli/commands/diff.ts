import {
  compareLists,
  type ListDifference,
  type ListedDescriptor,
  type ListedModel,
  listSizeLimit,
  parseAllowList,
} from '../../src/allow-list/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { parseModelName, shortDigest, shortName } from '../../src/oci/index.ts';
import { diffLines, printable, renderTextDiff, safeJson, shownSize } from '../../src/report/index.ts';
import { readUpTo } from '../../src/trust/index.ts';
import {
  ComparedStore,
  type DescribedLayer,
  type DescribedModel,
  describeChanges,
} from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { settingsOf, storeOf, type TypedFlags } from './context.ts';
import { shownGgufChanges } from './gguf-changes.ts';

/** `verify-models diff OLD [NEW]`: what changed between two lists, or a list and the store; the screen for an approval. */
export async function runDiff(
  old: string,
  fresh: string | undefined,
  flags: TypedFlags,
  io: Io,
): Promise<number> {
  const settings = settingsOf(flags, io);
  const before = readModels(old);
  using store = await openStore(fresh === undefined, settings, io);
  const after = fresh === undefined ? (store?.models ?? new Map()) : readModels(fresh);
  const difference = compareLists(before, after);
  const moved = describeChanges(difference.moved, store);
  if (settings.format === 'json') {
    await io.stdout.write(`${safeJson(document(difference, moved))}\n`);
    return 0;
  }
  const color = io.stdout.isTerminal && !io.environment.NO_COLOR && io.environment.TERM !== 'dumb';
  for (const line of textOf(difference, moved, color)) await io.stdout.write(line);
  return 0;
}

/** Texts and weights are read from the store, also between two lists; there it need not be. */
async function openStore(
  needed: boolean,
  settings: ReturnType<typeof settingsOf>,
  io: Io,
): Promise<ComparedStore | undefined> {
  try {
    const { path } = await storeOf({ ...settings, quiet: true }, io);
    return await ComparedStore.open(path, settings['follow-links-into'] ?? [], io.now(), io.interrupted);
  } catch (error) {
    if (needed || !(error instanceof KnownError)) throw error;
    return undefined;
  }
}

function readModels(path: string): ReadonlyMap<string, ListedModel> {
  try {
    return parseAllowList(readUpTo(path, listSizeLimit)).models;
  } catch (error) {
    throw new KnownError('LIST_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
}

const shown = (full: string): string => printable(shortName(parseModelName(full)));

const total = ({ config, layers }: ListedModel): number =>
  [...new Map([config, ...layers].map((entry) => [entry.digest, entry.size])).values()].reduce(
    (sum, size) => sum + size,
    0,
  );

function* textOf(
  difference: ListDifference,
  moved: readonly DescribedModel[],
  color: boolean,
): Generator<string> {
  for (const { name, model } of difference.added)
    yield `added    ${shown(name)}   ${shownSize(total(model))}\n`;
  for (const { name, model } of difference.removed)
    yield `removed  ${shown(name)}   ${shownSize(total(model))}\n`;
  for (const model of moved) yield* movedText(model, color);
  const { added, removed, unchanged } = difference;
  const counts = `${added.length} added, ${removed.length} removed, ${moved.length} changed, ${unchanged} unchanged`;
  yield `${counts}\n`;
  const same = added.length + removed.length + moved.length === 0;
  yield same
    ? 'next: verify-models check\n'
    : 'next: verify-models allow MODEL... --allow-list LIST, then verify-models sign LIST --key KEY\n';
}

function* movedText({ name, before, after, layers }: DescribedModel, color: boolean): Generator<string> {
  yield `changed  ${shown(name)}   manifest ${shortDigest(before.manifest.digest)} -> ${shortDigest(after.manifest.digest)}\n`;
  if (layers.length === 0) yield '  the manifest was written again; config and layers are the same\n';
  for (const layer of layers) yield* layerText(layer, color);
}

function* layerText(layer: DescribedLayer, color: boolean): Generator<string> {
  const side = (entry: ListedDescriptor | undefined) =>
    entry === undefined ? 'none' : `${shortDigest(entry.digest)} (${shownSize(entry.size)})`;
  yield `  ${layer.kind.padEnd(9)} ${side(layer.before)} -> ${side(layer.after)}\n`;
  if (layer.texts !== undefined) {
    for (const line of renderTextDiff(diffLines(layer.texts.before, layer.texts.after), { color }))
      yield `    ${line}`;
  } else if (layer.metadata !== undefined) {
    yield* shownGgufChanges(layer.metadata, color);
  } else if (layer.before !== undefined && layer.after !== undefined) {
    yield '    the bytes of both are not in this store, so there is nothing to read of it\n';
  }
}

function document({ added, removed, unchanged }: ListDifference, moved: readonly DescribedModel[]) {
  const side = (entry: ListedDescriptor | undefined) =>
    entry === undefined ? null : { digest: entry.digest, size: entry.size };
  return {
    schema: 'urn:verify-models:diff:v1',
    added: added.map(({ name, model }) => ({
      name,
      manifestDigest: model.manifest.digest,
      bytes: total(model),
    })),
    removed: removed.map(({ name, model }) => ({
      name,
      manifestDigest: model.manifest.digest,
      bytes: total(model),
    })),
    changed: moved.map(({ name, before, after, layers }) => ({
      name,
      before: before.manifest.digest,
      after: after.manifest.digest,
      layers: layers.map(({ kind, texts, metadata, ...sides }) => ({
        layer: kind,
        before: side(sides.before),
        after: side(sides.after),
        ...(texts === undefined
          ? {}
          : { text: diffLines(texts.before, texts.after).filter(({ kind: how }) => how !== 'same') }),
        ...(metadata === undefined ? {} : { metadata: metadata.map(plainChange) }),
      })),
    })),
    unchanged,
  };
}

/** Numbers beyond 2^53 as texts: JSON readers would round them. */
function plainChange(change: NonNullable<DescribedLayer['metadata']>[number]) {
  return JSON.parse(
    JSON.stringify(change, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
  ) as object;
}
