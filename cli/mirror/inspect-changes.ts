import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CatalogRecords, type ListStanding } from '../../src/admission/index.ts';
import {
  type AllowList,
  compareLists,
  type ListDifference,
  type ListedModel,
} from '../../src/allow-list/index.ts';
import type { ArchiveReader } from '../../src/archive/index.ts';
import { BlobDirectory } from '../../src/blobs/index.ts';
import { Catalog } from '../../src/catalog/index.ts';
import type { MirrorSettings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type Digest, fullName } from '../../src/oci/index.ts';
import type { OfferedFiles } from '../../src/renewal/index.ts';
import {
  chooseList,
  type DescribedArchiveModel,
  judgeModels,
  offeredBy,
  type RefusedModel,
  readTexts,
} from '../../src/transfer/index.ts';
import { claimedSigners } from '../../src/trust/index.ts';
import type { LayerReader, LayerReading } from '../../src/verify/index.ts';
import { type Comparison, compareTwoLists } from '../screen/index.ts';
import type { Io } from '../terminal/index.ts';
import { listsOf, ownWord } from './inspect-list.ts';
import { dataPathOf } from './mirror-settings.ts';
import { listedOf, storedBytes, textOf, unread } from './moved-layers.ts';
import { openData } from './own-data.ts';
import { ownListOf } from './own-list.ts';

/** What an import of an archive would do here. */
export interface ChangesHere {
  /** Whether the list of the archive is accepted here; undefined where nothing can be said without a key. */
  readonly verdict: string | undefined;
  /** The list is none, or contradicts the manifests of the archive: no key makes it good. */
  readonly isBad: boolean;
  /** Who approved that list; undefined where there is none. */
  readonly approvals: Approvals | undefined;
  /** The list that is here, and that of the archive. */
  readonly lists: Comparison | undefined;
  /** The models that are here, and those of the archive. */
  readonly models: Comparison;
  readonly refused: readonly RefusedModel[];
}

/** Who approved a list. */
export interface Approvals {
  /** They were judged by the key or the policy of this side; else they are what the approvals say of themselves. */
  readonly proven: boolean;
  readonly signers: readonly string[];
  /** Until when; undefined where nothing is proven. */
  readonly expires: Date | undefined;
}

export interface LookEffects {
  readonly settings: Partial<MirrorSettings>;
  readonly io: Io;
  /** Every byte of the archive is held against its digest. */
  readonly whole: boolean;
  readonly progressed: (bytes: number) => void;
}

/** Looks at what is here, and at the archive to its end. Nothing is written. @throws KnownError ARCHIVE_* */
export async function changesHere(
  reader: ArchiveReader,
  files: ReadonlyMap<string, Buffer>,
  models: readonly DescribedArchiveModel[],
  { settings, io, whole, progressed }: LookEffects,
): Promise<ChangesHere> {
  const data = dataPathOf(settings, io);
  // Without an earlier import there is no mirror here, and none is made for a look.
  const mirror = await lookAtMirror(data, io);
  try {
    const offered = offeredBy(files, async (digest) => (await mirror?.records.byDigest(digest))?.bytes);
    const own = await ownWord(files.get('allow-list.json'), offered);
    const judged = await standingOf(files, offered, settings, data, io);
    const { standing, approvals, verdict = own.problem } = judged;
    const { refused } = await judgeModels(reader.index.models, files, {
      ...{ standing, policy: standing.kind === 'none' ? 'observe' : 'enforce' },
      contact: settings.contact ?? 'whoever runs this mirror',
      here: async (name) => (await mirror?.records.find(name))?.digest,
    });
    const [before, after] = await sides(models, mirror?.records);
    const lists = listsOf(own.list, settings);
    const moved = [
      ...compareLists(before.models, after.models).moved,
      ...(lists === undefined ? [] : compareLists(lists[0].models, lists[1].models).moved),
    ];
    const wanted = textsIn(moved);
    const texts = await readTexts(reader, wanted, whole, { signal: io.interrupted, progressed });
    const layers = await layerReader(texts, wanted, mirror);
    return {
      ...{ verdict, approvals, refused, models: compareTwoLists(before, after, layers) },
      isBad: own.problem !== undefined,
      lists: lists && compareTwoLists(...lists, layers, own.unseen),
    };
  } finally {
    await mirror?.catalog.close();
  }
}

/** What is here, without judging the list of this side, which would be remembered; undefined where there is no mirror. */
async function lookAtMirror(data: string, { now, pid, uid, every }: Io) {
  const path = join(data, 'catalog.sqlite');
  if (!existsSync(path)) return undefined;
  openData(data, uid);
  const blobs = BlobDirectory.open(data, { now, pid, uid, every });
  const catalog = await Catalog.open(path, now);
  return { catalog, records: new CatalogRecords(catalog, now), blobs };
}

/** What this side would say of the list: asked without being remembered. */
async function standingOf(
  files: ReadonlyMap<string, Buffer>,
  offered: OfferedFiles,
  settings: Partial<MirrorSettings>,
  data: string,
  io: Io,
): Promise<Pick<ChangesHere, 'verdict' | 'approvals'> & { readonly standing: ListStanding }> {
  const state = join(data, 'state');
  const own = ownListOf(settings, state, io, existsSync(state));
  const offersList = files.has('allow-list.json');
  const signers = claimedSigners(files.get('allow-list.json.sigstore.jsonl') ?? Buffer.alloc(0));
  const approvals = offersList ? { proven: false, signers, expires: undefined } : undefined;
  if (own === undefined) return { standing: { kind: 'none' }, verdict: undefined, approvals };
  try {
    // Without a list of its own the archive is judged by the one that is here, as an import judges it.
    const { standing, summary } = await chooseList(offered, offersList, own, false);
    if (summary === undefined || !offersList) return { standing, verdict: undefined, approvals };
    const { listId, version, expires } = summary;
    return {
      ...{ standing, verdict: `${listId} version ${version} is accepted here` },
      approvals: { proven: true, signers: summary.signers, expires },
    };
  } catch (error) {
    if (!(error instanceof KnownError)) throw error;
    return {
      standing: { kind: 'refused', reason: error.message },
      ...{ verdict: `not accepted here: ${error.message}`, approvals },
    };
  }
}

/** The models of the archive, and what is here under their names, as two lists. */
async function sides(
  models: readonly DescribedArchiveModel[],
  records: CatalogRecords | undefined,
): Promise<[AllowList, AllowList]> {
  const before = new Map<string, ListedModel>();
  const after = new Map<string, ListedModel>();
  for (const { name, checked } of models) {
    const [now, was] = [checked && listedOf(checked.bytes), await records?.find(name)];
    const old = was && listedOf(was.bytes);
    if (now !== undefined) after.set(fullName(name), now);
    if (old !== undefined) before.set(fullName(name), old);
  }
  const list = (which: string, of: Map<string, ListedModel>) => ({
    ...{ listId: which, version: 1, aliases: new Map(), models: of },
  });
  return [list('here', before), list('archive', after)];
}

/** Layers of moved models that a person can read, on both sides. */
function textsIn(moved: ListDifference['moved']): ReadonlySet<Digest> {
  const wanted = new Set<Digest>();
  for (const { layers } of moved)
    for (const { kind, before, after } of layers)
      if (!unread.has(kind))
        for (const side of [before, after]) if (side !== undefined) wanted.add(side.digest);
  return wanted;
}

/** Texts of the archive, and of the mirror that is here. */
async function layerReader(
  texts: ReadonlyMap<Digest, Buffer>,
  wanted: ReadonlySet<Digest>,
  mirror: { readonly blobs: BlobDirectory } | undefined,
): Promise<LayerReader> {
  const readings = new Map<Digest, LayerReading<string>>();
  for (const digest of wanted) {
    const bytes = texts.get(digest) ?? (mirror && (await storedBytes(mirror.blobs, digest)));
    if (bytes !== undefined) readings.set(digest, textOf(bytes, digest));
  }
  return {
    text: (digest) =>
      readings.get(digest) ?? { problem: 'it is neither here nor in the archive, or larger than 1 MiB' },
    metadata: () => ({ problem: 'the metadata of weights is not compared here' }),
  };
}
