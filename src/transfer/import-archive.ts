import { type AdmittedModel, blobsOf, type Policy, type Records } from '../admission/index.ts';
import { type ArchiveIndex, ArchiveReader, archiveSize, type ByteSource, isTool } from '../archive/index.ts';
import type { BlobDirectory } from '../blobs/index.ts';
import type { ArchiveFacts } from '../custody/index.ts';
import { defaultPieceSize } from '../hash/index.ts';
import { type Digest, type ModelName, shortDigest, shortName } from '../oci/index.ts';
import type { Renewal } from '../renewal/index.ts';
import { archiveFacts } from './archive-facts.ts';
import { chooseList, type OwnList } from './choose-list.ts';
import { type JudgeRules, judgeModels, type RefusedModel, type WelcomeModel } from './judge-models.ts';
import { offeredBy } from './offered-archive.ts';
import { type BlobTarget, planTaking, type TakeEffects, takeBlobs } from './take-blobs.ts';

export interface ImportRequest {
  readonly records: Pick<Records, 'find' | 'byDigest' | 'admit' | 'refused'>;
  readonly blobs: BlobDirectory;
  /** The allow-list of this side; undefined where there is none. */
  readonly own: OwnList | undefined;
  readonly policy: Policy;
  readonly contact: string;
  /** Judges who sent it, and the record of its way, before anything else is looked at. @throws KnownError ARCHIVE_SENDER, RECORD_BROKEN */
  readonly checkSender: (archive: Digest, said: ArchiveFacts) => void;
  /** Where the files go that are neither list nor blob. */
  readonly kept: (archive: Digest) => KeptFiles;
}

/** Keeps bills of materials, and the tool that came along. */
export interface KeptFiles {
  /** The next part of the tool, which nobody may run before `finish`. */
  tool(part: Buffer): Promise<void>;
  /** A bill of materials, once everything was verified. */
  bom(name: string, bytes: Buffer): void;
  /** Everything was verified. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface ImportedModel {
  readonly name: ModelName;
  readonly digest: Digest;
  /** Bytes of its blobs. */
  readonly bytes: number;
  /** It was here before, all of it. */
  readonly known: boolean;
}

export interface ImportOutcome {
  readonly archive: Digest;
  readonly models: readonly ImportedModel[];
  readonly refused: readonly RefusedModel[];
  /** Bytes that were taken from the archive now. */
  readonly taken: number;
  readonly blobs: { readonly taken: number; readonly here: number };
  readonly renewal: Renewal | undefined;
  /** The list in the archive. */
  readonly list: ArchiveIndex['list'];
  /** Bytes of the archive. */
  readonly total: number;
  /** What is in the archive, for the page that goes with it. */
  readonly sheet: readonly { readonly name: string; readonly id: string; readonly bytes: number }[];
}

/**
 * Lets the models of an archive into a mirror, by the list and the trust of this side. Everything is verified before
 * anything is visible: a cut, or a byte that is another one, leaves what was here as it was, and what was received
 * waits for the next attempt.
 *
 * @throws KnownError ARCHIVE_*, LIST_NOT_ACCEPTED, STORAGE_*, FILE_UNWRITABLE; the signal's reason
 */
export async function importArchive(
  source: ByteSource,
  request: ImportRequest,
  effects: TakeEffects,
): Promise<ImportOutcome> {
  const reader = await ArchiveReader.open(source);
  request.checkSender(reader.id, archiveFacts(reader));
  const kept = request.kept(reader.id);
  try {
    return await takeAll(reader, kept, request, effects);
  } finally {
    await kept.close();
  }
}

async function takeAll(
  reader: ArchiveReader,
  kept: KeptFiles,
  request: ImportRequest,
  effects: TakeEffects,
): Promise<ImportOutcome> {
  // The one file that is written before anything was judged.
  const tool = reader.index.entries.find(isTool);
  if (tool !== undefined) await request.blobs.ensureRoom(tool.size);
  const files = await reader.smallFiles((part) => kept.tool(part));
  const offered = offeredBy(files, async (digest) => (await request.records.byDigest(digest))?.bytes);
  const chosen = await chooseList(offered, files.has('allow-list.json'), request.own);
  const { standing } = chosen;
  const { welcome, refused } = await judgeModels(reader.index.models, files, rulesOf(request, standing));
  const target = targetOf(request.blobs);
  const plan = await planTaking(reader, welcome, target);
  await takeBlobs(reader, plan, target, effects);
  const renewal = await chosen.take();
  for (const [name, bytes] of files) if (name.startsWith('bom/')) kept.bom(name, bytes);
  await kept.finish();
  const models: ImportedModel[] = [];
  for (const model of welcome) models.push(await admit(model, request.records, reader.id));
  for (const { name, sentence } of refused) await request.records.refused(name, sentence, false);
  const blobs = { taken: plan.wanted.size, here: plan.here };
  const { list } = reader.index;
  const total = archiveSize(reader);
  const rest = { blobs, renewal, list, total, sheet: sheetOf(welcome, refused) };
  return { archive: reader.id, models, refused, taken: plan.bytes, ...rest };
}

const sheetOf = (
  welcome: readonly WelcomeModel[],
  refused: readonly RefusedModel[],
): ImportOutcome['sheet'] => [
  ...welcome.map(({ name, checked }) => ({
    ...{ name: shortName(name), id: shortDigest(checked.digest) },
    bytes: blobsOf(checked.manifest).reduce((sum, { size }) => sum + size, 0),
  })),
  ...refused.map(({ name }) => ({ name: shortName(name), id: 'refused', bytes: 0 })),
];

const rulesOf = (
  { policy, contact, records }: ImportRequest,
  standing: JudgeRules['standing'],
): JudgeRules => ({
  ...{ standing, policy, contact },
  here: async (name) => (await records.find(name))?.digest,
});

const targetOf = (blobs: BlobDirectory): BlobTarget => ({
  blobs,
  has: async ({ digest, size }) => (await blobs.find(digest))?.size === size,
  ensureRoom: (wanted) =>
    blobs.ensureRoom(wanted.reduce((sum, blob) => sum + blobs.missing(blob, defaultPieceSize), 0)),
});

async function admit(
  { name, checked, approved }: WelcomeModel,
  records: ImportRequest['records'],
  archive: Digest,
): Promise<ImportedModel> {
  const blobs = blobsOf(checked.manifest).map(({ digest, size }) => ({ digest, size }));
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
  const before: AdmittedModel | undefined = await records.find(name);
  const known = before?.digest === checked.digest;
  if (!known)
    await records.admit({
      ...{ name, digest: checked.digest, mediaType: checked.mediaType, bytes: checked.bytes, blobs },
      ...{ source: `archive ${archive}`, listDigest: approved?.digest, listVersion: approved?.list.version },
    });
  return { name, digest: checked.digest, bytes, known };
}
