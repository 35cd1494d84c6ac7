import type { RawName } from '../files/index.ts';
import { type Digest, parseDigest } from '../oci/index.ts';

/** What the name of an entry in `blobs/` says it is. */
export type BlobName =
  | { readonly kind: 'blob'; readonly digest: Digest }
  /** The old form `sha256:<hex>`, which Ollama renames at its next start (server/fixblobs.go). */
  | { readonly kind: 'colon'; readonly digest: Digest }
  /** Hexadecimal digits in upper case: Ollama takes the name and can never verify it. */
  | { readonly kind: 'upper' }
  /** A download or a creation that was not finished. */
  | { readonly kind: 'partial' }
  | { readonly kind: 'foreign' };

/** In this order: `sha256-<hex>-partial`, `-partial-<N>`, `.tmp`, and what os.CreateTemp makes of `sha256-`. */
const partial = /^sha256-(?:[0-9a-fA-F]{64}(?:-partial(?:-[0-9]+)?|\.tmp)|[0-9]{1,20})$/;

/** Judges one name in `blobs/` (Ollama: manifest/paths.go, server/download.go, x/transfer/download.go). */
export function classifyBlobName(name: RawName): BlobName {
  if (name.length > 200) return { kind: 'foreign' };
  const exact = /^sha256([-:])([0-9a-f]{64})$/.exec(name);
  if (exact !== null) {
    return { kind: exact[1] === '-' ? 'blob' : 'colon', digest: parseDigest(`sha256:${exact[2]}`) };
  }
  if (/^sha256[-:][0-9a-fA-F]{64}$/.test(name)) return { kind: 'upper' };
  return { kind: partial.test(name) ? 'partial' : 'foreign' };
}

/** The one place where a digest becomes a file name. */
export const blobFileName = (digest: Digest, colon = false): RawName =>
  colon ? digest : digest.replace(':', '-');
