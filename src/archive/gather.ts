import { closeSync } from 'node:fs';
import { KnownError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { afterBases } from './after-bases.ts';
import { type ByteSource, FileSource, PipeSource } from './byte-source.ts';
import { asOneError, damageOf, isDamage } from './damaged-volumes.ts';
import { indexName } from './entry-names.ts';
import type { Incoming } from './incoming.ts';
import type { VolumeFile } from './medium-file.ts';
import { findArchives } from './open-archive.ts';
import { blockSize, describeHeader } from './tar-framing.ts';
import { parseVolumeHead, payloadStart, type VolumeHeader, volumeFileSize, volumeName } from './volume.ts';

/** An archive whose every byte is at hand. */
export interface WholeArchive {
  readonly kind: 'whole';
  /** Where it is, for people and for the files beside it. */
  readonly path: string;
  readonly source: ByteSource;
  /** Id and volumes, where it came in volumes. */
  readonly id: Digest | undefined;
  /** After an error: what a person is told, who wants to know which volume to bring again. */
  blame(error: unknown): Promise<unknown>;
}

/** Volumes of an archive, of which others are missing. They are kept. */
export interface IncompleteArchive {
  readonly kind: 'incomplete';
  readonly path: string;
  readonly id: Digest;
  readonly count: number;
  readonly kept: readonly number[];
  readonly missing: readonly number[];
}

export interface GatherEffects {
  readonly incoming: Incoming;
  /** Volumes are kept while others are missing; a look keeps nothing. */
  readonly keeping: boolean;
  /** What comes through the pipe, where the word is `-`. */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  /** So many bytes of what is kept are here, of so many; of a pipe, of the whole archive. */
  readonly progressed: (bytes: number, total: number) => void;
}

/**
 * Finds what the words of a command line name. Volumes that wait from an earlier run count too; those that are here
 * while others are missing are kept, so that their medium can be taken out. An archive comes after the one it follows.
 *
 * @throws KnownError ARCHIVE_*, VOLUME_DAMAGED, VOLUMES_MIXED, NO_ROOM, FILE_UNWRITABLE
 */
export async function gather(
  words: readonly string[],
  effects: GatherEffects,
): Promise<readonly (WholeArchive | IncompleteArchive)[]> {
  if (words.includes('-')) {
    if (words.length > 1)
      throw new KnownError('USAGE', { problem: '- is the pipe, and stands for itself alone' });
    return [await fromPipe(effects)];
  }
  const { archives, volumes } = await findArchives(words);
  if (volumes.length > 0) return [await fromVolumes(volumes, effects)];
  return (await afterBases(archives)).map(({ path, fd, size }) => ({
    ...{ kind: 'whole', path, id: undefined },
    source: new FileSource([{ path, fd, start: 0, length: size }]),
    blame: async (error: unknown) => error,
  }));
}

async function fromVolumes(
  given: readonly VolumeFile[],
  effects: GatherEffects,
): Promise<WholeArchive | IncompleteArchive> {
  const { incoming, keeping } = effects;
  const [first] = given;
  if (first === undefined) throw new Error('there are no volumes');
  const waiting = new Set(incoming.numbers(first.header));
  const here = new Set([...waiting, ...given.map(({ header }) => header.number)]);
  if (here.size >= first.header.count) return assemble(given, first.header, incoming);
  const fresh = given.filter(({ header }) => keeping && !waiting.has(header.number));
  let damaged: readonly KnownError[];
  try {
    damaged = await keepAll(fresh, effects);
  } finally {
    for (const { fd } of given) closeSync(fd);
  }
  const state = incomplete(first.header, incoming, first.path, keeping ? waiting : here);
  const damage = asOneError(damaged, state.missing);
  if (damage !== undefined) throw damage;
  return state;
}

/** Keeps what is sound. @returns what is said of the others */
async function keepAll(
  volumes: readonly VolumeFile[],
  { incoming, signal, progressed }: GatherEffects,
): Promise<readonly KnownError[]> {
  if (volumes.length === 0) return [];
  await incoming.ensureRoom(volumes.map(({ header }) => header));
  const total = volumes.reduce((sum, { header }) => sum + header.length, 0);
  const damaged: KnownError[] = [];
  let done = 0;
  for (const { path, fd, header } of volumes) {
    const length = volumeFileSize(header) - payloadStart;
    const source = new FileSource([{ path, fd, start: payloadStart, length }]);
    const before = done;
    try {
      await incoming.keep(header, source, {
        ...{ signal, progressed: (bytes) => progressed(before + bytes, total) },
      });
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged.push(error);
    }
    done += header.length;
  }
  return damaged;
}

/** @param here numbers that are at hand, kept or not */
function incomplete(
  { archive: id, count }: VolumeHeader,
  incoming: Incoming,
  path: string,
  here: Iterable<number>,
): IncompleteArchive {
  const kept = [...incoming.numbers({ archive: id, count })].sort((a, b) => a - b);
  const all = new Set([...kept, ...here]);
  const missing = Array.from({ length: count }, (_, at) => at + 1).filter((number) => !all.has(number));
  return { kind: 'incomplete', path, id, count, kept, missing };
}

/** All volumes, those that wait from before among them, as one archive. */
async function assemble(
  given: readonly VolumeFile[],
  cut: VolumeHeader,
  incoming: Incoming,
): Promise<WholeArchive> {
  const numbers = new Set(given.map(({ header }) => header.number));
  const paths = incoming
    .numbers(cut)
    .flatMap((number) => (numbers.has(number) ? [] : [incoming.pathOf({ ...cut, number })]));
  const waiting = paths.length === 0 ? [] : (await findArchives(paths)).volumes;
  const volumes = [...given, ...waiting].sort((a, b) => a.header.number - b.header.number);
  refuseOtherCut(volumes);
  const segments = volumes.map(({ path, fd, header }) => ({
    ...{ path, fd, start: payloadStart, length: header.length },
  }));
  return {
    ...{ kind: 'whole', path: given[0]?.path ?? volumes[0]?.path ?? '', id: cut.archive },
    source: new FileSource(segments),
    blame: async (error) => (isOfBytes(error) ? ((await damageOf(volumes)) ?? error) : error),
  };
}

/** One archive can be cut in more than one way: volumes of two cuts are no archive. @throws KnownError VOLUMES_MIXED */
function refuseOtherCut(volumes: readonly VolumeFile[]): void {
  let at = 0;
  for (const { header, path } of volumes) {
    if (header.offset !== at) {
      for (const { fd } of volumes) closeSync(fd);
      throw new KnownError('VOLUMES_MIXED', {
        archives: 2,
        found: `${path} goes on at byte ${header.offset}, where byte ${at} comes next: the archive was cut in two ways`,
      });
    }
    at += header.length;
  }
}

/** What other bytes than those that were sent lead to. */
const isOfBytes = (error: unknown): boolean =>
  error instanceof KnownError &&
  ['ARCHIVE_ALTERED', 'ARCHIVE_MALFORMED', 'ARCHIVE_TRUNCATED'].includes(error.code);

async function fromPipe(effects: GatherEffects): Promise<WholeArchive | IncompleteArchive> {
  const pipe = new PipeSource(effects.stdin());
  try {
    return await behindPipe(pipe, effects);
  } catch (error) {
    // Whoever sends may hold it open for long, and this process with it.
    await pipe.close();
    throw error;
  }
}

async function behindPipe(
  pipe: PipeSource,
  effects: GatherEffects,
): Promise<WholeArchive | IncompleteArchive> {
  const path = 'the pipe';
  const head = Buffer.alloc(blockSize);
  const got = await pipe.fill(head);
  pipe.unread(head.subarray(0, got));
  const name = nameIn(head);
  if (name === indexName)
    return { kind: 'whole', path, source: pipe, id: undefined, blame: async (error: unknown) => error };
  if (name !== volumeName) {
    const problem = got < blockSize ? `it has ${got} bytes` : `it begins with ${describeHeader(head)}`;
    throw new KnownError('ARCHIVE_UNKNOWN', { path, problem });
  }
  return pipedVolumes(pipe, effects);
}

/**
 * Volumes one behind the other, in any order: each is kept as it comes. What is damaged on its way may come once more,
 * and nobody can be asked to stop: the others are kept all the same.
 */
async function pipedVolumes(
  pipe: PipeSource,
  effects: GatherEffects,
): Promise<WholeArchive | IncompleteArchive> {
  const { incoming, keeping } = effects;
  if (!keeping)
    throw new KnownError('USAGE', {
      problem: 'volumes that come through a pipe would have to be kept: name files for a look',
    });
  const damaged: KnownError[] = [];
  let last: VolumeHeader | undefined;
  let done = 0;
  for (let header = await nextHead(pipe); header !== undefined; header = await nextHead(pipe)) {
    if (last !== undefined && (last.archive !== header.archive || last.count !== header.count))
      throw new KnownError('VOLUMES_MIXED', {
        archives: 2,
        found: `${last.archive} in ${last.count} volumes; ${header.archive} in ${header.count}`,
      });
    last = header;
    try {
      if (await keepPiped(header, pipe, done, effects)) done += header.length;
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged.push(error);
    }
  }
  await pipe.close();
  if (last === undefined) throw new Error('there was no volume');
  const state = incomplete(last, incoming, 'the pipe', []);
  const damage = asOneError(
    damaged.filter(({ facts }) => state.missing.includes(Number(facts.number))),
    state.missing,
  );
  if (damage !== undefined) throw damage;
  return state.missing.length > 0
    ? state
    : assemble((await findArchives([incoming.folderOf(last)])).volumes, last, incoming);
}

/** What stands before the next payload; undefined at the end of the pipe. @throws KnownError VOLUME_DAMAGED */
async function nextHead(pipe: PipeSource): Promise<VolumeHeader | undefined> {
  const head = Buffer.alloc(payloadStart);
  const got = await pipe.fill(head);
  if (got === 0) return undefined;
  const header = got < head.length ? undefined : await parseVolumeHead(head);
  if (header !== undefined) return header;
  const problem = 'its head is altered';
  throw new KnownError('VOLUME_DAMAGED', { number: '?', count: '?', problem, numbers: '?' });
}

/** @returns whether it was kept now; one that waits already is passed over */
async function keepPiped(
  header: VolumeHeader,
  pipe: PipeSource,
  done: number,
  { incoming, signal, progressed }: GatherEffects,
): Promise<boolean> {
  if (incoming.has(header)) {
    await pipe.skip(volumeFileSize(header) - payloadStart);
    return false;
  }
  await incoming.ensureRoom([header]);
  await incoming.keep(header, pipe, {
    ...{ signal, progressed: (bytes) => progressed(done + bytes, header.total) },
  });
  return true;
}

const nameIn = (head: Buffer): string => head.toString('latin1', 0, 100).split('\0', 1)[0] ?? '';
