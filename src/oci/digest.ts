import { KnownError } from '../errors/index.ts';

declare const digestBrand: unique symbol;

/**
 * A SHA-256 digest, `sha256:` and 64 lower-case hexadecimal digits (OCI image spec, descriptor.md, "Digests").
 * Upper case is refused although Ollama's own pattern takes it: such a digest can never verify there.
 */
export type Digest = string & { readonly [digestBrand]: true };

const grammar = /^sha256:[0-9a-f]{64}$/;

/** The digest of zero bytes: what a download of nothing leaves behind. */
export const emptyDigest =
  'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' as Digest;

export const isDigest = (text: string): text is Digest => grammar.test(text);

/** @throws KnownError DIGEST_MALFORMED */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new KnownError('DIGEST_MALFORMED', { value: text.slice(0, 80) });
  return text;
}

/** The 64 hexadecimal digits. */
export const digestHex = (digest: Digest): string => digest.slice('sha256:'.length);

/** The first twelve hexadecimal digits, as `ollama list` shows an id. */
export const shortDigest = (digest: Digest): string => digestHex(digest).slice(0, 12);

/** A digest from the 32 raw bytes of SHA-256. */
export const digestFromBytes = (bytes: Uint8Array): Digest =>
  parseDigest(`sha256:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`);

/** The 32 raw bytes. */
export const digestBytes = (digest: Digest): Buffer => Buffer.from(digestHex(digest), 'hex');
