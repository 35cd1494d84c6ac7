import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { KnownError } from '../errors/index.ts';
import { Place, whoCanSwap } from '../files/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Account } from './account.ts';
import { openOwnFolder, refusalOf } from './own-folder.ts';
import { type Sharing, shareBlobs } from './view-blobs.ts';
import { openBelow, writeManifests } from './view-manifests.ts';

/** A model that may be served. */
export interface AllowedModel {
  /** In full. */
  readonly name: string;
  /** SHA-256 of its manifest, as it was checked. */
  readonly manifest: Digest;
  readonly blobs: ReadonlySet<Digest>;
}

export interface ViewEffects extends Omit<Sharing, 'account' | 'uid'> {
  readonly uid: number | undefined;
}

/** Where the view of a store lies. */
const viewOf = (store: string): string => `${store}.allowed`;

/**
 * A directory beside the store, laid out like one, that holds some of its models and nothing else. Its blobs share the
 * bytes of the store's: reflinks where the file system has them, else hard links where the command's user cannot write
 * the file; no byte is copied. It stays from start to start: what is not allowed any more goes, what is there already
 * stays where the command's user still cannot write it. What was built here must be checked like any store before it is used.
 *
 * Whoever owns the store may swap every name in it meanwhile: each file is opened once, and what is open is judged and
 * shared.
 *
 * @param account the command's user, who can write neither the view nor what lies in it
 * @throws KnownError START_REFUSED, CANCELLED
 */
export async function buildAllowedView(
  store: string,
  allowed: readonly AllowedModel[],
  account: Account | undefined,
  { uid, ...effects }: ViewEffects,
): Promise<string> {
  if (uid !== 0 || account === undefined || account.uid === 0) {
    const problem =
      'serve-allowed needs root and --user: Ollama must not be able to write the view that it serves';
    throw new KnownError('START_REFUSED', { problem });
  }
  const path = viewOf(store);
  refuseSwappable(path);
  try {
    using place = Place.open(store, 'keep');
    using source = place.openDirectory();
    using view = openOwnFolder(place, path, 0o755, uid);
    // Once more, now that it is there.
    refuseSwappable(path);
    chmodSync(`/proc/self/fd/${view.fd}`, 0o755);
    using from = source.openDirectory('blobs');
    using to = openBelow(view, 'blobs');
    const wanted = new Set(allowed.flatMap(({ blobs }) => [...blobs]));
    await shareBlobs(from, view, to, wanted, { ...effects, account, uid });
    writeManifests(
      source,
      view,
      allowed.map(({ name, manifest }) => ({ name, digest: manifest })),
    );
    return path;
  } catch (error) {
    throw refusalOf(path, error);
  }
}

/** @throws KnownError START_REFUSED */
function refuseSwappable(path: string): void {
  const swappable = whoCanSwap(path, { users: [0] });
  if (swappable === undefined) return;
  const problem = `${swappable.who} can write ${swappable.path}, and could put another view in the place of ${path}; keep the store in a directory of root (${dirname(path)} and all above it)`;
  throw new KnownError('START_REFUSED', { problem });
}
