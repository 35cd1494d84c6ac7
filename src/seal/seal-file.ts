import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FileIdentity } from '../files/index.ts';
import { type Digest, digestBytes, digestFromBytes } from '../oci/index.ts';

/** One file and what was proven of its bytes. */
export interface SealedFile {
  /** The digest that the bytes have. */
  readonly digest: Digest;
  /** The chunk table by which that was proven; undefined means by the whole digest. */
  readonly table: Digest | undefined;
  /** What the kernel's fs-verity said of the file then; undefined where it was not asked or said nothing. */
  readonly verity?: Digest | undefined;
  /** The state in which the file was proven; its device is that of the header. */
  readonly identity: FileIdentity;
  /** Seconds since 1970 when its bytes were read. */
  readonly provenAt: number;
}

/** What stands once in a seal. */
export interface SealHeader {
  readonly store: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly bootId: string;
  /** Device number, good within one boot; the mount's source and type are compared across boots. */
  readonly device: string;
  readonly source: string;
  readonly type: string;
  /** Digest of the allow-list that was in force; null without one. */
  readonly list: string | null;
}

const schema = 'urn:verify-models:seal:v2';
const macSize = 32;
/** digest, table, fs-verity digest, inode, size, mtime, ctime, time of the proof. */
const recordSize = 3 * 32 + 5 * 8;
const none = Buffer.alloc(32);

/** Files that are sealed, each made only when it is written: a store may hold a million. */
export interface FilesToSeal {
  readonly digests: readonly Digest[];
  /** The file with the digest at this place. */
  readonly fileAt: (place: number) => SealedFile;
}

/** One line of JSON, fixed records sorted by digest, HMAC-SHA256 over all of it (RFC 2104). */
export function encodeSeal(header: SealHeader, { digests, fileAt }: FilesToSeal, key: Uint8Array): Buffer {
  const line = Buffer.from(`${JSON.stringify({ schema, ...header, files: digests.length })}\n`);
  const bytes = Buffer.alloc(line.length + digests.length * recordSize + macSize);
  line.copy(bytes);
  const order = Uint32Array.from(digests.keys());
  order.sort((a, b) => ((digests[a] ?? '') < (digests[b] ?? '') ? -1 : 1));
  order.forEach((place, index) => {
    writeRecord(bytes, line.length + index * recordSize, fileAt(place));
  });
  macOf(bytes, key).copy(bytes, bytes.length - macSize);
  return bytes;
}

function writeRecord(
  bytes: Buffer,
  at: number,
  { digest, table, verity, identity, provenAt }: SealedFile,
): void {
  bytes.set(digestBytes(digest), at);
  bytes.set(table === undefined ? none : digestBytes(table), at + 32);
  bytes.set(verity === undefined ? none : digestBytes(verity), at + 64);
  const { ino, size, mtimeNs, ctimeNs } = identity;
  [ino, size, mtimeNs, ctimeNs, BigInt(provenAt)].forEach((value, field) => {
    bytes.writeBigInt64LE(BigInt.asIntN(64, value), at + 96 + field * 8);
  });
}

const macOf = (bytes: Buffer, key: Uint8Array): Buffer =>
  createHmac('sha256', key).update(bytes.subarray(0, -macSize)).digest();

/** A seal whose authenticity was proven; files are looked up in the bytes themselves: a store may hold a million. */
export interface OpenSeal {
  readonly header: SealHeader;
  readonly count: number;
  find(digest: Digest): SealedFile | undefined;
}

/** Undefined when the bytes were not sealed with this key; nothing in them is read before that is known. */
export function decodeSeal(bytes: Buffer, key: Uint8Array): OpenSeal | undefined {
  if (bytes.length <= macSize || !timingSafeEqual(macOf(bytes, key), bytes.subarray(-macSize))) {
    return undefined;
  }
  const end = bytes.indexOf(0x0a);
  const { schema: named, files: count, ...header } = JSON.parse(bytes.toString('utf8', 0, end));
  const records = bytes.subarray(end + 1, -macSize);
  if (named !== schema || records.length !== count * recordSize) return undefined;
  return { header, count, find: (digest) => findRecord(records, count, digest, BigInt(header.device)) };
}

function findRecord(records: Buffer, count: number, digest: Digest, dev: bigint): SealedFile | undefined {
  const wanted = digestBytes(digest);
  let [low, high] = [0, count - 1];
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const at = middle * recordSize;
    const order = records.compare(wanted, 0, 32, at, at + 32);
    if (order === 0) return readRecord(records, at, digest, dev);
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

function readRecord(records: Buffer, at: number, digest: Digest, dev: bigint): SealedFile {
  const field = (number: number) => BigInt.asUintN(64, records.readBigInt64LE(at + 96 + number * 8));
  const optional = (from: number) => {
    const bytes = records.subarray(from, from + 32);
    return bytes.equals(none) ? undefined : digestFromBytes(bytes);
  };
  return {
    digest,
    table: optional(at + 32),
    verity: optional(at + 64),
    identity: {
      ...{ dev, ino: field(0), size: field(1) },
      ...{ mtimeNs: BigInt.asIntN(64, field(2)), ctimeNs: BigInt.asIntN(64, field(3)) },
    },
    provenAt: Number(field(4)),
  };
}
