import { createHash } from 'node:crypto';
import { difference, type FileIdentity } from '../files/index.ts';
import type { Digest } from '../oci/index.ts';
import type { StateDirectory } from '../state/index.ts';
import { decodeSeal, type OpenSeal } from './seal-file.ts';
import type { Volume } from './volume.ts';

/** What a seal is held against when it is opened. */
export interface SealFacts {
  /** Absolute path of the store, links resolved. */
  readonly store: string;
  /** `st_dev` of the directory with the blobs. */
  readonly device: bigint;
  readonly volume: Volume | undefined;
  /** `/proc/sys/kernel/random/boot_id`; undefined where there is none. */
  readonly bootId: string | undefined;
  readonly now: Date;
  /** A proof that is older does not count any more, in milliseconds: a seal cannot see a disk decay. */
  readonly maxAgeMs: number;
}

/** A proof of a file that has the same state as when its bytes were read. */
export interface KeptProof {
  readonly table: Digest | undefined;
  readonly provenAt: number;
}

export interface Seal {
  readonly madeAt: Date;
  /** Undefined when the file is not in the seal, has moved since, or was proven too long ago. */
  proofOf(digest: Digest, identity: FileIdentity): KeptProof | undefined;
  /** The fs-verity digest that the file had when its bytes were proven. */
  verityOf(digest: Digest): Digest | undefined;
  /** The proof of a file whose fs-verity digest is the sealed one: state and age do not count, since the kernel holds every read against it. */
  proofByVerity(digest: Digest, now: Date): KeptProof | undefined;
}

/** Largest seal that is read: 256 MiB, close to two million files. */
const sealLimit = 256 * 1024 * 1024;

/** One seal for each store; the file is named after it. */
export const sealFileName = (store: string): string =>
  `seal-${createHash('sha256').update(store).digest('hex').slice(0, 16)}`;

/**
 * The seal of a store, or why there is none that counts. Only a proof that the bytes of a file have a digest is taken
 * from it: never a verdict on a model, a list or a manifest.
 */
export function readSeal(state: StateDirectory, key: Uint8Array, facts: SealFacts): Seal | string {
  const bytes = state.readBytes(sealFileName(facts.store), sealLimit);
  if (bytes === undefined) return 'there is no seal of this store yet';
  const seal = decodeSeal(bytes, key);
  if (seal === undefined) return 'the seal was not made with the key of this machine, or was altered';
  const odd = oddityOf(seal, facts);
  if (odd !== undefined) return odd;
  return {
    madeAt: new Date(seal.header.madeAt),
    proofOf: (digest, file) => lookUp(seal, digest, file, facts),
    verityOf: (digest) => seal.find(digest)?.verity,
    proofByVerity: (digest, now) => {
      const sealed = seal.find(digest);
      return sealed && { table: sealed.table, provenAt: Math.floor(now.getTime() / 1000) };
    },
  };
}

function oddityOf(
  { header }: OpenSeal,
  { store, device, volume, bootId, now }: SealFacts,
): string | undefined {
  if (header.store !== store) return 'the seal is of another store';
  if (header.madeAt > now.getTime()) return 'the clock was set back since the seal was made';
  if (bootId !== undefined && header.bootId === bootId) {
    return BigInt(header.device) === device
      ? undefined
      : 'another device is mounted there than the sealed one';
  }
  const same = volume !== undefined && volume.source === header.source && volume.type === header.type;
  return same ? undefined : 'another volume is mounted there than the sealed one';
}

function lookUp(
  seal: OpenSeal,
  digest: Digest,
  identity: FileIdentity,
  { device, now, maxAgeMs }: SealFacts,
): KeptProof | undefined {
  const sealed = seal.find(digest);
  if (sealed === undefined || identity.dev !== device) return undefined;
  if (difference({ ...sealed.identity, dev: identity.dev }, identity) !== undefined) return undefined;
  const age = now.getTime() - sealed.provenAt * 1000;
  // A proof from the future is as odd as one that is too old.
  return age > maxAgeMs || age < -1000 ? undefined : { table: sealed.table, provenAt: sealed.provenAt };
}
