import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { changedLayers, type ListedModel, restatements } from '../../src/allow-list/index.ts';
import {
  type Digest,
  digestFromBytes,
  fullName,
  type ModelName,
  parseManifest,
} from '../../src/oci/index.ts';
import type { Upstream } from '../../src/upstream/index.ts';
import { type DescribedModel, describeChanges, type LayerReading } from '../../src/verify/index.ts';
import type { OpenMirror } from './open-mirror.ts';

/** Largest layer that is read as a text. */
const textLimit = 1024 * 1024;

/** Kinds of layers that no person reads. */
export const unread: ReadonlySet<string> = new Set([
  'weights',
  'adapter',
  'projector',
  'draft',
  'tensor',
  'embeddings',
]);

const sha256 = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

/**
 * What changed between the admitted manifest and the one that upstream has now. Texts of both sides are read, the new
 * ones from upstream and held against their digests; weights are not fetched for it.
 */
export async function describeMoved(
  name: ModelName,
  { before, after }: { readonly before: Buffer; readonly after: Buffer },
  { blobs }: Pick<OpenMirror, 'blobs'>,
  upstream: Upstream,
  signal: AbortSignal,
): Promise<DescribedModel | undefined> {
  const [old, now] = [listedOf(before), listedOf(after)];
  if (old === undefined || now === undefined) return undefined;
  const layers = changedLayers(old, now);
  const texts = new Map<Digest, LayerReading<string>>();
  for (const { kind, before: was, after: is } of layers) {
    if (unread.has(kind)) continue;
    if (was !== undefined) texts.set(was.digest, textOf(await storedBytes(blobs, was.digest), was.digest));
    if (is !== undefined) {
      const source =
        is.size > textLimit
          ? undefined
          : upstream.blob(`${name.namespace}/${name.model}`, is.digest, is.size);
      texts.set(is.digest, textOf(await allOf(source, is.size, signal), is.digest));
    }
  }
  const reader = {
    text: (digest: Digest) => texts.get(digest) ?? { problem: 'it is larger than 1 MiB' },
    metadata: () => ({ problem: 'weights are not fetched before they are approved' }),
  };
  const moved = { name: fullName(name), before: old, after: now, layers, restated: restatements(old, now) };
  return describeChanges([moved], reader)[0];
}

/** A manifest as a list would say it; undefined where it is none. */
export function listedOf(bytes: Buffer): ListedModel | undefined {
  const reading = parseManifest(bytes);
  if (!reading.ok) return undefined;
  const { config, layers } = reading.manifest;
  return { manifest: { digest: sha256(bytes), size: bytes.length }, config, layers };
}

/** A blob of the mirror that is small enough for a text. */
export async function storedBytes(blobs: OpenMirror['blobs'], digest: Digest): Promise<Buffer | undefined> {
  const stored = await blobs.find(digest);
  if (stored === undefined || stored.size > textLimit) return undefined;
  const open = await blobs.read(digest);
  try {
    const bytes = Buffer.alloc(open.size);
    return bytes.subarray(0, readSync(open.fd, bytes, 0, bytes.length, 0));
  } finally {
    await open.close();
  }
}

async function allOf(
  source: ReturnType<Upstream['blob']> | undefined,
  size: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  let all: Buffer | undefined = size === 0 ? Buffer.alloc(0) : undefined;
  try {
    const keep = async (_: unknown, bytes: Buffer) => {
      all = Buffer.from(bytes);
    };
    if (size > 0) await source?.pieces([{ start: 0, end: size }], keep, signal);
  } catch {
    // What cannot be shown does not keep the news of the move from being told.
    return undefined;
  }
  return all;
}

/** Bytes as a text, where they are what their digest says. */
export function textOf(bytes: Buffer | undefined, digest: Digest): LayerReading<string> {
  if (bytes === undefined) return { problem: 'it cannot be read' };
  if (sha256(bytes) !== digest) return { problem: 'it is not what its digest says' };
  return bytes.includes(0) ? { problem: 'it is no text' } : { value: bytes.toString('utf8') };
}
