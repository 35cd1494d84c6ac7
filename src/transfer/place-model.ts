import { existsSync, linkSync, lstatSync, mkdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { dirname } from 'node:path';
import { blobsOf } from '../admission/index.ts';
import { KnownError } from '../errors/index.ts';
import { type FileIdentity, syncOpened } from '../files/index.ts';
import {
  downloadEnded,
  installBlob,
  installManifest,
  mayBeTaken,
  type WaitEffects,
  type WorkPlace,
} from '../installation/index.ts';
import { type Descriptor, type Digest, shortName } from '../oci/index.ts';
import { blobFileName, type OllamaStore } from '../store/index.ts';
import type { WelcomeModel } from './judge-models.ts';

/** Times that a blob may vanish while a model is put in place. */
const rounds = 3;

/** Where a model is put, and what is known of what lies there. */
export interface PlacingStore {
  readonly store: OllamaStore;
  readonly work: WorkPlace;
  /** Blobs that lie in the store, every byte of them right. */
  readonly sound: ReadonlySet<Digest>;
  /** The manifest in the store is these very bytes. */
  readonly inPlace: boolean;
}

/**
 * Puts a model whose blobs were received into a store: blobs first, the manifest last, and then a look whether all of
 * them are still there. Ollama's clean-up takes what no manifest names: a blob is made new before it gets its name, the
 * manifest follows at once, and what was taken all the same is put back. A second name of each blob stays beside the
 * store until `forgetReceived`.
 *
 * @returns where files that were replaced are kept
 * @throws KnownError INSTALL_BLOCKED; system errors
 */
export async function placeModel(
  model: WelcomeModel,
  { store, work, sound, inPlace }: PlacingStore,
  effects: WaitEffects,
): Promise<readonly string[]> {
  const { name, checked } = model;
  const blocked = (problem: string) => new KnownError('INSTALL_BLOCKED', { name: shortName(name), problem });
  const { blobs } = store;
  if (blobs === undefined) throw blocked('blobs/ cannot be opened');
  const wanted = blobsOf(checked.manifest);
  const reason = `an archive brought ${shortName(name)}`;
  const kept: string[] = [];
  const copies = new Map<string, string>();
  let isPlaced = false;
  try {
    let missing = wanted.filter(({ digest }) => !sound.has(digest));
    let named = inPlace;
    const lacking = () => wanted.filter((blob) => !isThere(store, blob));
    for (let round = 0; round < rounds; round += 1) {
      for (const { digest } of missing) {
        if (!(await downloadEnded(blobs, digest, effects)))
          throw blocked('Ollama is downloading one of its blobs now');
        const received = work.blobs.placeOf(digest);
        const copy = keepCopy(received);
        if (copy !== undefined) copies.set(copy, received);
        // It lay in the store when it was looked at, and was never received.
        else if (!existsSync(received)) throw blocked('something removed one of its blobs meanwhile');
        const now = effects.now();
        utimesSync(received, now, now);
        const old = installBlob(blobs, digest, work, reason);
        if (old !== undefined) kept.push(old);
      }
      if (missing.length > 0) syncOpened(blobs.fd);
      missing = lacking();
      if (missing.length === 0 && !named) {
        const old = installManifest(store, name, checked.bytes, work, reason);
        if (old !== undefined) kept.push(old);
        named = true;
        missing = lacking();
      }
      if (missing.length === 0) {
        isPlaced = true;
        return kept;
      }
    }
    throw blocked('something removes its blobs again');
  } finally {
    if (!isPlaced) for (const [copy, received] of copies) giveBack(copy, received);
  }
}

/**
 * Gives a blob that lies in the store a second name beside it, so that it can be put back: where no manifest named it, a
 * clean-up that is going on takes it although one does now.
 *
 * @param file the one that was read; another one that has its name by now is not kept
 * @returns whether a clean-up may take it
 */
export function holdBlob(
  { blobs }: OllamaStore,
  work: WorkPlace,
  { digest, file }: { readonly digest: Digest; readonly file: FileIdentity },
  now: Date,
): boolean {
  if (blobs === undefined || !mayBeTaken(blobs, digest, now)) return false;
  try {
    const copy = copyOf(work.blobs.placeOf(digest));
    mkdirSync(dirname(copy), { recursive: true, mode: 0o700 });
    rmSync(copy, { force: true });
    linkSync(blobs.reach(blobFileName(digest)), copy);
    if (!isFile(copy, file)) rmSync(copy, { force: true });
  } catch {
    // It is gone already, or the file system has no links: that it is missing is told where it is missed.
  }
  return true;
}

/** Only its ctime may have moved, by the new name. */
function isFile(path: string, { dev, ino, size, mtimeNs }: FileIdentity): boolean {
  const now = lstatSync(path, { bigint: true });
  return now.dev === dev && now.ino === ino && now.size === size && now.mtimeNs === mtimeNs;
}

/** A blob that lies in the store is no longer what was received: nothing of it waits, not even from a run that was killed. */
export async function forgetReceived({ blobs }: WorkPlace, digest: Digest): Promise<void> {
  await blobs.remove(digest);
  rmSync(copyOf(blobs.placeOf(digest)), { force: true });
}

/** The copy is what was received, and waits for the next attempt. */
function giveBack(copy: string, received: string): void {
  if (existsSync(received)) rmSync(copy, { force: true });
  else if (existsSync(copy)) renameSync(copy, received);
}

const copyOf = (received: string): string => `${received}.kept`;

/** A second name for a received blob, which the first one is made from again; none where the file system has no links. */
function keepCopy(received: string): string | undefined {
  const copy = copyOf(received);
  try {
    linkSync(received, copy);
    return copy;
  } catch {
    try {
      // It was placed before, and taken away: the copy becomes what was received.
      renameSync(copy, received);
      linkSync(received, copy);
      return copy;
    } catch {
      return undefined;
    }
  }
}

function isThere({ blobs }: OllamaStore, { digest, size }: Descriptor): boolean {
  try {
    return blobs?.lstat(blobFileName(digest)).size === size;
  } catch {
    return false;
  }
}
