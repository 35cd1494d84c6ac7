import type { HashPool } from '../hash/index.ts';
import { inspectBlob, type WorkPlace } from '../installation/index.ts';
import type { Digest } from '../oci/index.ts';
import { blobFileName, classifyBlobName, type OllamaStore } from '../store/index.ts';

/**
 * Takes away blobs that no model names and whose bytes are others than their names say: the next pull of a model that
 * names one would take it for a blob that is here already.
 */
export async function* setOrphansAside(
  { blobs }: OllamaStore,
  named: ReadonlySet<Digest>,
  work: () => WorkPlace,
  pool: HashPool,
): AsyncGenerator<{ readonly digest: Digest; readonly kept: string }> {
  if (blobs === undefined) return;
  // Names first: files are moved while they are looked at.
  for (const name of [...blobs.names()]) {
    const what = classifyBlobName(name);
    if (what.kind !== 'blob' || named.has(what.digest)) continue;
    const { digest } = what;
    const state = await inspectBlob(blobs, { digest, size: blobs.lstat(name).size }, undefined, pool);
    if (state.kind !== 'altered') continue;
    const reason = `no model names it, and its bytes are ${state.found ?? 'others'}`;
    yield { digest, kept: work().setAside(blobs.reach(name), blobFileName(digest), reason) };
  }
}
