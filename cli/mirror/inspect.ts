import {
  ArchiveReader,
  archiveSize,
  type ByteSource,
  FileSource,
  findArchives,
  type MediumFile,
  payloadStart,
  readVolume,
  type VolumeFile,
  volumeFileSize,
} from '../../src/archive/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { exitBits, explainExitStatus } from '../../src/findings/index.ts';
import { safeJson } from '../../src/report/index.ts';
import { archiveFacts, describeModels } from '../../src/transfer/index.ts';
import type { Io } from '../terminal/index.ts';
import {
  besideArchive,
  readBeside,
  readNamed,
  senderLine,
  sendersOf,
  TransferProgress,
} from '../transfer/index.ts';
import { changesHere } from './inspect-changes.ts';
import { type Inspected, inspectedDocument, inspectedLines, recordOf } from './inspect-lines.ts';
import { settingsOf } from './mirror-settings.ts';
import type { TransferFlags } from './transfer-words.ts';

/** Flags of `inspect`, beside the common ones. */
export interface InspectFlags extends TransferFlags {
  readonly signature?: string;
  readonly record?: string;
  readonly whole?: boolean;
}

/** `model-mirror inspect ARCHIVE...`: what is in it, who approved it, what it would change here. Writes nothing. */
export async function runInspect(words: readonly string[], flags: InspectFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  if (words.includes('-'))
    throw new KnownError('USAGE', { problem: 'inspect reads files and directories, and no pipe' });
  const { archives, volumes } = await findArchives(words);
  const progress = new TransferProgress(settings.progress, settings.quiet === true, io);
  const run = { settings, flags, progress, io };
  try {
    let status = 0;
    if (volumes.length > 0) status |= await inspectVolumes(volumes, run);
    for (const archive of archives) status |= await inspectWhole(archive, run);
    if (settings.format !== 'json') await io.stdout.write(`exit status ${explainExitStatus(status)}\n`);
    return status;
  } catch (error) {
    if (io.interrupted.aborted) throw new KnownError('CANCELLED');
    throw error;
  } finally {
    progress.stop();
  }
}

interface Run {
  readonly settings: ReturnType<typeof settingsOf>;
  readonly flags: InspectFlags;
  readonly progress: TransferProgress;
  readonly io: Io;
}

async function inspectWhole({ path, fd, size }: MediumFile, run: Run): Promise<number> {
  const source = new FileSource([{ path, fd, start: 0, length: size }]);
  try {
    return await show(await ArchiveReader.open(source), { path, volumes: undefined, end: size }, run);
  } finally {
    await source.close();
  }
}

/** Volumes: each by itself with `--whole`, and of the archive as much as those from the first one on say. */
async function inspectVolumes(volumes: readonly VolumeFile[], run: Run): Promise<number> {
  const sorted = [...volumes].sort((a, b) => a.header.number - b.header.number);
  const [first] = sorted;
  if (first === undefined) return 0;
  if (run.flags.whole === true) for (const volume of sorted) await verifyVolume(volume, run);
  const inRow = sorted.filter(({ header }, at) => header.number === at + 1);
  const numbers = sorted.map(({ header }) => header.number);
  const about = { count: first.header.count, numbers, verified: run.flags.whole === true };
  const source: ByteSource = new FileSource(
    inRow.map(({ path, fd, header }) => ({ path, fd, start: payloadStart, length: header.length })),
  );
  const end = inRow.reduce((sum, { header }) => sum + header.length, 0);
  try {
    if (inRow.length === 0)
      return await told({ path: first.path, id: first.header.archive, volumes: about }, run);
    return await show(await ArchiveReader.open(source), { path: first.path, volumes: about, end }, run);
  } finally {
    await source.close();
  }
}

async function verifyVolume({ path, fd, header }: VolumeFile, { progress, io }: Run): Promise<void> {
  const length = volumeFileSize(header) - payloadStart;
  let done = 0;
  await readVolume(header, new FileSource([{ path, fd, start: payloadStart, length }]), async (part) => {
    io.interrupted.throwIfAborted();
    done += part.length;
    progress.update(done, length);
  });
  progress.stop();
}

interface Place {
  readonly path: string;
  readonly volumes: Inspected['volumes'];
  /** Bytes of the archive that are at hand. */
  readonly end: number;
}

async function show(reader: ArchiveReader, { path, volumes, end }: Place, run: Run): Promise<number> {
  const { settings, flags, progress, io } = run;
  const { index, id } = reader;
  const beside = besideArchive(path);
  const signature = flags.signature === undefined ? readBeside(beside.signature) : readNamed(flags.signature);
  const sender = senderLine(signature, id, sendersOf(settings.sender));
  const paper = flags.record === undefined ? readBeside(beside.record) : readNamed(flags.record);
  const record = recordOf(paper, id, archiveFacts(reader));
  const total = archiveSize(reader);
  const complete = volumes === undefined || volumes.numbers.length === volumes.count;
  const seen = { path, id, index, volumes, sender, record, total };
  if (!complete && end < total) return told(seen, run);
  const files = await reader.smallFiles();
  const models = describeModels(index.models, files);
  const changes = await changesHere(reader, files, models, {
    ...{ settings, io, whole: flags.whole === true },
    progressed: (bytes) => progress.update(bytes, total),
  });
  progress.stop();
  return told({ ...seen, models, changes, whole: flags.whole === true }, run);
}

/** @returns its bits of the exit status: a record that was changed, a list that is none, what an import would refuse */
async function told(inspected: Inspected, { settings, io }: Run): Promise<number> {
  const { record, changes } = inspected;
  const status =
    (typeof record === 'string' ? exitBits.altered : 0) |
    (changes?.isBad === true ? exitBits.untrusted : 0) |
    (changes?.refused ?? []).reduce((bits, { bit }) => bits | bit, 0);
  if (settings.format === 'json') {
    await io.stdout.write(`${safeJson(inspectedDocument(inspected))}\n`);
    return status;
  }
  const color = io.stdout.isTerminal && !io.environment.NO_COLOR && io.environment.TERM !== 'dumb';
  for (const line of inspectedLines(inspected, color)) await io.stdout.write(line);
  return status;
}
