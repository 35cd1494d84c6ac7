import { createHash } from 'node:crypto';
import { type WrittenVolume, writeArchive } from '../../src/archive/index.ts';
import { assertContinues, readRecord, signIndex } from '../../src/custody/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { digestBytes, digestFromBytes, fullName, shortDigest, shortName } from '../../src/oci/index.ts';
import { printable, shownSize } from '../../src/report/index.ts';
import { type ExportPlan, planExport } from '../../src/transfer/index.ts';
import { counted } from '../screen/index.ts';
import type { Io } from '../terminal/index.ts';
import {
  type BesideArchive,
  type Custody,
  readBeside,
  refuseLink,
  TransferProgress,
  writeBeside,
  writeRecord,
  writtenBeside,
} from '../transfer/index.ts';
import { addedFiles, readBase } from './export-files.ts';
import { travelling } from './export-models.ts';
import { type OutputPlace, openOutput, placeOf } from './export-output.ts';
import { refuseJson, settingsOf, type TypedFlags } from './mirror-settings.ts';
import { type OpenMirror, openMirror } from './open-mirror.ts';
import { custodyOf } from './transfer-words.ts';

/** Flags of `export`, beside the common ones. */
export interface ExportFlags extends TypedFlags {
  readonly output?: string;
  readonly all?: boolean;
  readonly split?: string;
  readonly volumes?: string;
  readonly since?: string;
  readonly bom?: readonly string[];
  readonly executable?: string;
}

/** `model-mirror export [MODEL...] -o FILE|DIR`: models, and everything by which the other side decides, as an archive. */
export async function runExport(words: readonly string[], flags: ExportFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  refuseJson(settings, 'export');
  const { output } = flags;
  if (output === undefined)
    throw new KnownError('USAGE', { problem: 'say where to: -o models.tar, or -o DIR' });
  const base = flags.since === undefined ? undefined : await readBase(flags.since);
  const mirror = await openMirror(settings, flags, io);
  const progress = new TransferProgress(settings.progress, settings.quiet === true, io);
  try {
    const custody = await custodyOf(settings, flags, mirror.data, io);
    const { models, list } = await travelling(words, flags.all === true, mirror, settings);
    const added = await addedFiles(flags.bom ?? [], flags.executable);
    const plan = await planExport({ models, list, added, base, blobs: mirror.blobs });
    const place = placeOf(output, plan, flags);
    refuseWhatIsThere(writtenBeside(place.path), plan);
    await place.ensureRoom();
    const volumes = await write(plan, place, progress, io);
    const entry = await keepRecord({ plan, place, volumes, custody, mirror });
    if (settings.quiet !== true) await tell({ plan, place, custody, entry }, io);
    return 0;
  } catch (error) {
    if (io.interrupted.aborted) throw new KnownError('CANCELLED');
    throw error;
  } finally {
    progress.stop();
    await mirror.close();
  }
}

/**
 * Asked before anything is written: the papers are when all is.
 *
 * @throws KnownError OUTPUT_THERE, RECORD_BROKEN, FILE_UNWRITABLE
 */
function refuseWhatIsThere({ signature, record: path, sheet }: BesideArchive, plan: ExportPlan): void {
  const { id, index, total } = plan;
  for (const paper of [signature, path, sheet]) refuseLink(paper);
  const before = readBeside(path);
  if (before.length > 0 && readRecord(before).archive !== id) throw new KnownError('OUTPUT_THERE', { path });
  assertContinues(before, id, { models: index.models.length, bytes: total, list: index.list?.digest });
}

async function write(
  plan: ExportPlan,
  place: OutputPlace,
  progress: TransferProgress,
  io: Io,
): Promise<readonly WrittenVolume[] | undefined> {
  const sink = openOutput(place, io);
  try {
    await writeArchive(plan, sink, {
      signal: io.interrupted,
      progressed: (bytes) => progress.update(bytes, plan.total),
    });
  } finally {
    await sink.close();
  }
  progress.stop();
  return 'written' in sink ? sink.written : undefined;
}

interface Exported {
  readonly plan: ExportPlan;
  readonly place: OutputPlace;
  readonly volumes: readonly WrittenVolume[] | undefined;
  readonly custody: Custody;
  readonly mirror: OpenMirror;
}

/** The audit log, the signature and the transfer record say that it was written. @returns the number of the entry */
async function keepRecord({ plan, place, volumes, custody, mirror }: Exported): Promise<number> {
  const { id: archive, index, total } = plan;
  const beside = writtenBeside(place.path);
  writeBeside(beside.signature, signIndex({ digest: archive, size: plan.indexBytes.length }, custody.key));
  const models = index.models.length;
  const audit = await mirror.records.note({ kind: 'exported', archive, models, refused: 0, bytes: total });
  const record = custody.entry(readBeside(beside.record), archive, {
    ...{ action: 'exported', models, bytes: total, list: index.list?.digest, audit },
    volumes: volumes && { count: volumes.length, digest: digestOfVolumes(volumes) },
  });
  writeRecord(record, beside, { file: place.shown, models: sheetModels(plan), list: index.list });
  return record.trim().split('\n').length;
}

function digestOfVolumes(volumes: readonly WrittenVolume[]): string {
  const hash = createHash('sha256');
  for (const { payload } of volumes) hash.update(digestBytes(payload));
  return digestFromBytes(hash.digest());
}

/** Models with the bytes of their blobs, for the page. */
function sheetModels({ index, models }: ExportPlan) {
  return index.models.map(({ name, digest }) => ({
    name: shortName(name),
    id: shortDigest(digest),
    bytes: models.get(fullName(name)) ?? 0,
  }));
}

interface Told {
  readonly plan: ExportPlan;
  readonly place: OutputPlace;
  readonly custody: Custody;
  readonly entry: number;
}

async function tell({ plan, place, custody, entry }: Told, io: Io): Promise<void> {
  const { index, total, id } = plan;
  const beside = writtenBeside(place.path);
  const list =
    index.list === undefined
      ? 'no allow-list'
      : `allow-list ${index.list.listId} version ${index.list.version}`;
  const leftOut =
    index.leftOut.length === 0
      ? ''
      : `; ${counted(index.leftOut.length, 'blob')} left out, which the other side has`;
  const key = custody.key.publicKey.id.slice(0, 12);
  const lines = [
    `archive   ${shortDigest(id)}   ${counted(index.models.length, 'model')}, ${counted(index.entries.length, 'file')}, ${shownSize(total)}, ${printable(list)}${leftOut}`,
    `wrote     ${printable(place.shown)}`,
    `signed    ${printable(beside.signature)}   by the key ${key}${custody.publicPath === undefined ? '' : ` (${printable(custody.publicPath)})`}`,
    `record    ${printable(beside.record)}   entry ${entry}; to print: ${printable(beside.sheet)}`,
    `next: model-mirror import ${printable(place.next)} ${index.list === undefined ? '--policy observe' : '--allow-list allow-list.json --key PUB'}   (on the other side)`,
    '',
  ];
  await io.stdout.write(lines.join('\n'));
}
