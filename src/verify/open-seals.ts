import { fstatSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import {
  canReplaceIn,
  canWrite,
  keyTravelsWith,
  machineVolumes,
  type Owned,
  openSealKey,
  readSeal,
  type Seal,
  type Volume,
  volumeOf,
  writesShow,
} from '../seal/index.ts';
import type { StateDirectory } from '../state/index.ts';
import type { OllamaStore } from '../store/index.ts';

/** How a run uses seals. */
export interface SealingRequest {
  /** Opened only now. @throws KnownError STATE_* */
  readonly openState: () => StateDirectory;
  /** A file with the key; undefined means the state directory's own. */
  readonly keyFile: string | undefined;
  /** Milliseconds; a proof that is older does not count. */
  readonly maxAgeMs: number;
  /** The check decides whether something starts: what another user could have forged is not taken. */
  readonly guarded: boolean;
  /** Hash everything, and make the seal anew. */
  readonly afresh: boolean;
  readonly host: HostFacts;
  readonly random: (bytes: number) => Uint8Array;
  /**
   * The fs-verity digest of an open file as the kernel measures it, as a text such as `sha256:...`; an Error says why there
   * is none. Undefined where fs-verity is not asked for.
   */
  readonly measure?: ((fd: number) => Promise<string | Error>) | undefined;
}

/** What the operating system says of this host. */
export interface HostFacts {
  /** `/proc/self/mountinfo`; undefined where there is none. */
  readonly mountInfo: string | undefined;
  readonly bootId: string | undefined;
  readonly uid: number | undefined;
  /** Groups of this process. */
  readonly groups: readonly number[];
  readonly home: string | undefined;
}

/** Where a seal may be written: a state directory that can be used, and its key. */
export interface SealPlace {
  readonly state: StateDirectory;
  readonly key: Uint8Array;
}

/** State, key, volume and the last seal of one run. */
export interface OpenSeals {
  readonly device: bigint;
  readonly volume: Volume | undefined;
  /** When a write through a memory mapping shows in the times of a blob. */
  readonly writesShow: ReturnType<typeof writesShow>;
  /** Undefined where nothing can be sealed. */
  readonly place: SealPlace | undefined;
  /** Undefined where none counts. */
  readonly seal: Seal | undefined;
  /** Why no seal counts. */
  readonly why: string | undefined;
  /** The owner of the state could write one of the directories of the store, or put others in their place. */
  readonly forgeable: boolean;
  /** The owner of the state could write this file. */
  couldForge(file: Owned): boolean;
}

const nothing: Omit<OpenSeals, 'why'> = {
  device: 0n,
  volume: undefined,
  writesShow: 'flushed',
  place: undefined,
  seal: undefined,
  forgeable: false,
  couldForge: () => false,
};

/** Opens state, key and seal. What is unusable is no failure: all is hashed then. */
export function openSeals(store: OllamaStore, request: SealingRequest, now: Date): OpenSeals {
  const { openState, keyFile, host, random, maxAgeMs, afresh } = request;
  if (store.blobs === undefined) return { ...nothing, why: 'there is no blobs/' };
  const device = fstatSync(store.blobs.fd, { bigint: true }).dev;
  const { mountInfo } = host;
  const volume = volumeOf(resolved(store.blobs.path) ?? store.blobs.path, mountInfo);
  const upper = volumeOfUpper(volume, mountInfo);
  const shown = writesShow(volume, upper);
  const without = { ...nothing, device, volume, writesShow: shown };
  if (shown === 'never') {
    const what =
      volume?.type === 'overlay' ? `an overlay over ${upper?.type ?? 'what cannot be seen'}` : volume?.type;
    const why = `on ${what} a write through a memory mapping leaves no trace, so nothing is sealed there`;
    return { ...without, why };
  }
  try {
    const state = openState();
    const place = keyFile ?? state.path;
    const keyVolume = volumeOf(resolved(place) ?? place, mountInfo);
    if (keyTravelsWith(volume, keyVolume, machineVolumes(host.home, mountInfo))) {
      const why =
        'the key of the seal would lie on the volume that it seals; name another place with --state DIR or --seal-key FILE';
      return { ...without, why };
    }
    const key = openSealKey(state, keyFile, random);
    const couldForge = forgerOf(state, host, canWrite);
    const paths = [store.path, store.manifests?.path, store.blobs.path];
    const couldReplace = forgerOf(state, host, canReplaceIn);
    const forgeable =
      paths.some((path) => path !== undefined && couldForge(statSync(path))) ||
      [store.path, store.blobs.path].some((path) => above(path).some((one) => couldReplace(statSync(one))));
    const usable = { ...without, place: { state, key }, forgeable, couldForge };
    if (afresh) return { ...usable, why: '--full' };
    const seal = readSeal(state, key, {
      store: store.path,
      device,
      volume,
      bootId: host.bootId,
      now,
      maxAgeMs,
    });
    return typeof seal === 'string' ? { ...usable, why: seal } : { ...usable, seal, why: undefined };
  } catch (error) {
    // Also where the store, or a directory above it, went away while it was looked at.
    if (error instanceof KnownError || systemCode(error) !== undefined)
      return { ...without, why: describeCause(error) };
    throw error;
  }
}

/** A path without links: what a mount is compared by. Undefined for what is not there, or may not be seen. */
function resolved(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

/** In a container the path is one of the machine, and is not there. */
function volumeOfUpper(overlay: Volume | undefined, mountInfo: string | undefined): Volume | undefined {
  const path = overlay?.upperDir === undefined ? undefined : resolved(overlay.upperDir);
  return path === undefined ? undefined : volumeOf(path, mountInfo);
}

/**
 * A user other than root who can write both the store and the state can make any seal they like; who can write a directory
 * above the store can put another store there.
 */
function forgerOf(state: StateDirectory, host: HostFacts, can: typeof canWrite): (file: Owned) => boolean {
  const { uid } = statSync(state.path);
  if (uid === 0 || host.uid === undefined) return () => false;
  const groups = uid === host.uid ? new Set(host.groups) : undefined;
  return (file) => can(file, uid, groups);
}

/** The directories above a path, up to the root. */
function above(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...above(folder)];
}
