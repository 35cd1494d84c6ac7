import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { type Pack, pack } from 'tar-stream';
import { KnownError } from '../errors/index.ts';
import { digestFromBytes } from '../oci/index.ts';
import type { ArchivePlan, PlannedEntry } from './planned-entry.ts';
import { entrySize, headerOf } from './tar-framing.ts';
import type { ArchiveSink } from './volume-files.ts';

const readAt = promisify(read);

/** Bytes of one reading. */
const pieceSize = 1024 * 1024;

/** What stands for bytes that are not written anywhere. */
const nothing = Buffer.alloc(pieceSize);

export interface WriteEffects {
  readonly signal: AbortSignal;
  /** So many bytes of the archive are out. */
  readonly progressed: (bytes: number) => void;
}

/**
 * Writes an archive, from the first byte to the last. Each blob is held against its digest as it goes out: one that
 * rotted ends the export before the file has its name.
 *
 * @throws KnownError BLOB_ROTTEN, FILE_CHANGED, FILE_UNWRITABLE, OUTPUT_THERE, OUTPUT_BUSY; the signal's reason
 */
export async function writeArchive(
  plan: ArchivePlan,
  sink: ArchiveSink,
  effects: WriteEffects,
): Promise<void> {
  const tar = pack();
  // Told to whoever reads the stream, which is the loop below.
  const feeding = feed(tar, plan, sink, effects.signal).catch((error: unknown) =>
    tar.destroy(asError(error)),
  );
  let done = 0;
  try {
    for await (const part of tar) {
      effects.signal.throwIfAborted();
      await sink.write(part as Uint8Array);
      done += (part as Uint8Array).length;
      effects.progressed(done);
    }
    await sink.finish();
  } finally {
    tar.destroy();
    await feeding;
  }
}

async function feed(tar: Pack, plan: ArchivePlan, sink: ArchiveSink, signal: AbortSignal): Promise<void> {
  let at = 0;
  for (const entry of plan.entries) {
    const end = at + entrySize(entry.size);
    const parts = sink.wants(at, end) ? contentOf(entry) : absent(entry.size);
    await addEntry(tar, entry, parts, signal);
    at = end;
  }
  tar.finalize();
}

async function addEntry(
  tar: Pack,
  entry: PlannedEntry,
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const ended = Promise.withResolvers<void>();
  // Awaited below, where the stream was not destroyed meanwhile.
  ended.promise.catch(() => {});
  const file = tar.entry(headerOf(entry), (error) => {
    if (error) ended.reject(error);
    else ended.resolve();
  });
  file.on('error', () => {});
  try {
    for await (const part of parts) {
      signal.throwIfAborted();
      if (!file.write(part)) await Promise.race([once(file, 'drain'), ended.promise]);
    }
  } catch (error) {
    file.destroy(asError(error));
    throw error;
  }
  file.end(null);
  await ended.promise;
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

async function* absent(size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; left -= nothing.length)
    yield nothing.subarray(0, Math.min(left, nothing.length));
}

/** The bytes of a planned file, held against its digest; the next reading begins while one is hashed and written. */
async function* contentOf({ size, digest, content }: PlannedEntry): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) {
    if (content.length > 0) yield content;
    return;
  }
  const open = await content();
  const hash = createHash('sha256');
  const next = (from: number) =>
    from < size ? filled(open.fd, from, Math.min(pieceSize, size - from)) : undefined;
  let reading: Promise<Buffer> | undefined;
  try {
    if (open.size !== size) throw altered(digest, `of ${open.size} bytes, and not ${size}`);
    reading = next(0);
    for (let at = 0; reading !== undefined; ) {
      const part: Buffer = await reading;
      at += part.length;
      reading = next(at);
      hash.update(part);
      yield part;
    }
    const actual = digestFromBytes(hash.digest());
    if (actual !== digest) throw altered(digest, actual);
  } finally {
    await reading?.catch(() => {});
    await open.close();
  }
}

const altered = (expected: string, actual: string) => new KnownError('BLOB_ROTTEN', { expected, actual });

async function filled(fd: number, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await readAt(fd, bytes, done, length - done, from + done);
    if (bytesRead === 0) throw new KnownError('FILE_CHANGED', { problem: 'it became shorter' });
    done += bytesRead;
  }
  return bytes;
}
