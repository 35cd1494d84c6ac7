import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import { type Digest, isDigest, readStrictJson } from '../oci/index.ts';
import { blockSize, endOfTar, headerBlock, padded } from './tar-framing.ts';

/**
 * A volume carries a part of an archive. It is a tar of its own, so that whoever has no more than `tar` and `sha256sum`
 * can hold it against its sums, and put an archive together by hand: `verify-models-volume.json` says which part it is,
 * `payload` is the part, `SHA256SUMS` the sums of both.
 */
export const volumeName = 'verify-models-volume.json';
const payloadName = 'payload';
const sumsName = 'SHA256SUMS';

const volumeSchema = 'urn:verify-models:volume:v1';
const mode = 0o644;

/** Everything around the payload: three headers, two files of one block each, the end. */
const overhead = 5 * blockSize + endOfTar.length;

/** Smallest volume, and most of them. */
export const smallestVolume = 64 * 1024;
export const volumeLimit = 100_000;

export interface VolumeHeader {
  /** Id of the archive: SHA-256 of its index. */
  readonly archive: Digest;
  /** 1, 2, 3, ... */
  readonly number: number;
  readonly count: number;
  /** The first byte of the archive that it carries. */
  readonly offset: number;
  /** Bytes of the archive that it carries. */
  readonly length: number;
  /** Bytes of the whole archive. */
  readonly total: number;
}

/** Where the payload begins in the file of a volume. */
export const payloadStart = 3 * blockSize;

/** How an archive of so many bytes is cut into volumes of a size. @throws KnownError USAGE */
export function cutIntoVolumes(archive: Digest, total: number, size: number): readonly VolumeHeader[] {
  if (size < smallestVolume)
    throw new KnownError('USAGE', { problem: `--split: a volume has ${smallestVolume} bytes or more` });
  const payload = Math.floor((size - overhead) / blockSize) * blockSize;
  const count = Math.ceil(total / payload);
  if (count > volumeLimit)
    throw new KnownError('USAGE', { problem: `--split: ${count} volumes are more than ${volumeLimit}` });
  return Array.from({ length: count }, (_, at) => {
    const offset = at * payload;
    return { archive, number: at + 1, count, offset, length: Math.min(payload, total - offset), total };
  });
}

/** Bytes of the file of a volume. */
export const volumeFileSize = ({ length }: VolumeHeader): number => overhead + padded(length);

const writeVolumeHeader = ({ archive, number, count, offset, length, total }: VolumeHeader): Buffer =>
  Buffer.from(`${JSON.stringify({ schema: volumeSchema, archive, number, count, offset, length, total })}\n`);

const filled = (bytes: Buffer): Buffer =>
  Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);

/** What stands before the payload. */
export async function volumeHead(header: VolumeHeader): Promise<Buffer> {
  const text = writeVolumeHeader(header);
  return Buffer.concat([
    await headerBlock({ name: volumeName, size: text.length, mode }),
    filled(text),
    await headerBlock({ name: payloadName, size: header.length, mode }),
  ]);
}

/** What stands behind the payload, whose SHA-256 is known by then. */
export async function volumeTail(header: VolumeHeader, payloadSha256: Uint8Array): Promise<Buffer> {
  const own = createHash('sha256').update(writeVolumeHeader(header)).digest('hex');
  const sums = Buffer.from(
    `${own}  ${volumeName}\n${Buffer.from(payloadSha256).toString('hex')}  ${payloadName}\n`,
  );
  return Buffer.concat([
    Buffer.alloc(padded(header.length) - header.length),
    await headerBlock({ name: sumsName, size: sums.length, mode }),
    filled(sums),
    endOfTar,
  ]);
}

const count = z.int().check(z.minimum(1), z.maximum(volumeLimit));
const bytes = z.int().check(z.minimum(0));
const schema = z.strictObject({
  schema: z.literal(volumeSchema),
  archive: z.string(),
  number: count,
  count,
  offset: bytes,
  length: bytes,
  total: bytes,
});
const rules = {
  maxDepth: 2,
  knownKeys: new Set(['schema', 'archive', 'number', 'count', 'offset', 'length', 'total']),
  integerKeys: new Set(['number', 'count', 'offset', 'length', 'total']),
};

/**
 * Reads what stands before a payload. Only the exact bytes that are written for a volume are one.
 *
 * @returns undefined where it is none
 */
export async function parseVolumeHead(head: Buffer): Promise<VolumeHeader | undefined> {
  const text = head.subarray(blockSize, 2 * blockSize);
  const end = text.indexOf(0x0a);
  if (head.length !== payloadStart || end === -1) return undefined;
  const json = readStrictJson(text.subarray(0, end), rules);
  const parsed = json.ok ? schema.safeParse(json.value) : undefined;
  if (parsed?.success !== true || !isDigest(parsed.data.archive)) return undefined;
  const { schema: _, ...header } = { ...parsed.data, archive: parsed.data.archive };
  const inOrder = header.number <= header.count && header.offset + header.length <= header.total;
  return inOrder && head.equals(await volumeHead(header)) ? header : undefined;
}
