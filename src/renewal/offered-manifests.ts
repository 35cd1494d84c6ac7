import { createHash } from 'node:crypto';
import {
  type AllowList,
  type Companions,
  type Contradiction,
  differenceFrom,
  manifestAtHand,
} from '../allow-list/index.ts';
import { eachBounded } from '../hash/index.ts';
import { type Digest, digestFromBytes, digestHex, manifestSizeLimit } from '../oci/index.ts';
import type { OfferedFiles } from './offered-files.ts';

/** Requests at once. */
const together = 8;

/** Bytes of manifests that are held until a list is taken: 64 MiB. Those beyond are asked for once more then. */
const heldLimit = 64 * 1024 * 1024;

/** The exact manifests of an offered list, compared with it; nothing of them was written. */
export interface OfferedManifests {
  /** Those that are not beside the list yet: their bytes, or undefined where too many were to be held. */
  readonly fresh: ReadonlyMap<Digest, Buffer | undefined>;
  /** Beside the list already. */
  readonly here: number;
  /** Not offered, or not what their names say. */
  readonly missing: number;
  readonly contradictions: readonly Contradiction[];
}

/** The manifest with this digest, where it is offered and is what its name says. @throws what the mirror says */
export async function offeredManifest(files: OfferedFiles, digest: Digest): Promise<Buffer | undefined> {
  const bytes = await files.get(`manifests/${digestHex(digest)}`, manifestSizeLimit);
  if (bytes === undefined) return undefined;
  return digestFromBytes(createHash('sha256').update(bytes).digest()) === digest ? bytes : undefined;
}

/**
 * Reads every manifest that an offered list pins, from beside the list or from whoever offers it, and compares it with
 * what the list says.
 *
 * @throws what the mirror says
 */
export async function offeredManifests(
  { models }: AllowList,
  companions: Companions,
  files: OfferedFiles,
): Promise<OfferedManifests> {
  // Two names of one manifest list the same layers, else the list was refused.
  const pinned = new Map([...models].map(([name, model]) => [model.manifest.digest, [name, model]] as const));
  const fresh = new Map<Digest, Buffer | undefined>();
  const contradictions: Contradiction[] = [];
  const counts = { here: 0, missing: 0 };
  let held = 0;
  await eachBounded([...pinned], together, async ([digest, [name, model]]) => {
    const beside = companions.manifest(digest);
    const offered = typeof beside === 'string' ? await offeredManifest(files, digest) : undefined;
    const bytes = offered ?? beside;
    if (typeof bytes === 'string') {
      counts.missing += 1;
      return;
    }
    const difference = differenceFrom(model, manifestAtHand(bytes));
    if (difference !== undefined) contradictions.push({ name, ...difference });
    if (offered === undefined) counts.here += 1;
    else {
      held += offered.length;
      fresh.set(digest, held > heldLimit ? undefined : offered);
    }
  });
  return { fresh, ...counts, contradictions };
}
