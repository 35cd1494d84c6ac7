import {
  type AllowList,
  compareLists,
  type ListDifference,
  type ListedModel,
  resolveAlias,
} from '../../src/allow-list/index.ts';
import { fullName, layerKind } from '../../src/oci/index.ts';
import {
  type ComparedStore,
  type DescribedModel,
  describeChanges,
  type LayerReader,
} from '../../src/verify/index.ts';

/** One host that a list says stands for another. */
export interface AliasChange {
  readonly alias: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** What two lists say differently of a model beside its content; of one that was added, all that is said for people. */
export interface EntryChange {
  readonly name: string;
  /** Kinds of layers whose chunk table is another one, or was added or left out. */
  readonly tables: readonly string[];
  readonly note: { readonly before: string | undefined; readonly after: string | undefined } | undefined;
  readonly source: { readonly before: string | undefined; readonly after: string | undefined } | undefined;
}

/** A list held against another one, or against a store. */
export interface Comparison {
  readonly before: AllowList;
  /** Undefined where the other side is a store. */
  readonly after: AllowList | undefined;
  readonly difference: ListDifference;
  readonly moved: readonly DescribedModel[];
  readonly aliases: readonly AliasChange[];
  readonly entries: readonly EntryChange[];
  /** Listed models whose manifest in the store is refused: nobody can say what they are. */
  readonly unreadable: readonly string[];
  /** Added and moved models of the list whose manifest is not at hand: their layers are what the list alone says. */
  readonly unseen: readonly string[];
}

/**
 * Two lists; texts and weights are read from wherever they are, where there is such a place.
 *
 * @param unseen full names of models of the second list whose manifest is not at hand
 */
export function compareTwoLists(
  before: AllowList,
  after: AllowList,
  reader: LayerReader | undefined,
  unseen: readonly string[] = [],
): Comparison {
  const difference = compareLists(before.models, after.models);
  const news = new Set([...difference.added, ...difference.moved].map(({ name }) => name));
  return {
    ...{ before, after, difference, unreadable: [] },
    unseen: unseen.filter((name) => news.has(name)),
    moved: describeChanges(difference.moved, reader),
    aliases: aliasChanges(before.aliases, after.aliases),
    entries: [...after.models].flatMap(
      ([name, model]) => entryChange(name, before.models.get(name), model) ?? [],
    ),
  };
}

/** A list and a store, whose models stand under the hosts that the list knows. */
export function compareWithStore(before: AllowList, store: ComparedStore): Comparison {
  const models = new Map<string, ListedModel>();
  const unreadable = new Set<string>();
  const named = store.models.map((entry) => ({
    ...entry,
    listed: fullName(resolveAlias(before, entry.name)),
  }));
  // Those of the listed name first: one under an alias, sorted before them, would else be overwritten unseen.
  const inOrder = [
    ...named.filter(({ full, listed }) => full === listed),
    ...named.filter(({ full, listed }) => full !== listed),
  ];
  for (const { full, listed, model } of inOrder) {
    // Two models of the store may stand for one of the list: the second keeps its own name, as one that was added,
    const first = models.get(listed);
    // unless it is the same.
    if (first !== undefined && first.manifest.digest === model?.manifest.digest) continue;
    const key = first === undefined ? listed : full;
    if (model !== undefined) models.set(key, model);
    else if (before.models.has(listed)) unreadable.add(listed);
  }
  const difference = compareLists(before.models, models);
  return {
    ...{ before, after: undefined, aliases: [], entries: [], unseen: [] },
    difference: { ...difference, removed: difference.removed.filter(({ name }) => !unreadable.has(name)) },
    moved: describeChanges(difference.moved, store),
    unreadable: [...unreadable],
  };
}

/** Nothing is different, in no way. */
export const isSame = ({ difference, aliases, entries, unreadable }: Comparison): boolean =>
  [difference.added, difference.removed, difference.moved, aliases, entries, unreadable].every(
    ({ length }) => length === 0,
  );

function aliasChanges(before: AllowList['aliases'], after: AllowList['aliases']): AliasChange[] {
  const hosts = [...new Set([...before.keys(), ...after.keys()])].sort();
  return hosts
    .map((alias) => ({ alias, before: before.get(alias), after: after.get(alias) }))
    .filter((change) => change.before !== change.after);
}

function entryChange(
  name: string,
  before: ListedModel | undefined,
  after: ListedModel,
): EntryChange | undefined {
  const old = before === undefined ? new Map<string, TableText>() : tablesOf(before);
  const now = tablesOf(after);
  const tables = new Set(
    [...now].filter(([digest, { table }]) => old.has(digest) && old.get(digest)?.table !== table),
  );
  const note = before?.note === after.note ? undefined : { before: before?.note, after: after.note };
  const source =
    before?.source === after.source ? undefined : { before: before?.source, after: after.source };
  if (tables.size === 0 && note === undefined && source === undefined) return undefined;
  return { name, tables: [...new Set([...tables].map(([, { kind }]) => kind))], note, source };
}

interface TableText {
  readonly kind: string;
  readonly table: string;
}

/** What a list says of the chunk table of each blob, as one text. */
function tablesOf({ config, layers }: ListedModel): ReadonlyMap<string, TableText> {
  return new Map(
    [config, ...layers].map((entry) => {
      const kind = entry === config ? 'config' : layerKind(entry.mediaType);
      return [entry.digest, { kind, table: JSON.stringify(entry.chunks ?? null) }];
    }),
  );
}
