import { type ManifestReading, parseManifest } from '../../src/oci/index.ts';

/** A digest of 64 times one digit. */
export const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** Descriptors, as text: what Ollama should load, and what somebody would rather have it load. */
export const good = `{"mediaType":"application/vnd.ollama.image.model","digest":"${digestOf('a')}","size":10}`;
export const other = good.replaceAll('a'.repeat(64), 'e'.repeat(64));
export const config = `{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"${digestOf('c')}","size":3}`;

export const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';

/** The text of a manifest with one good layer, with more members in front of or behind its own. */
export const manifestText = (
  more: { before?: string; after?: string; layers?: string; config?: string } = {},
): string =>
  `{${more.before ?? ''}"schemaVersion":2,"mediaType":"${manifestType}","config":${more.config ?? config},"layers":${more.layers ?? `[${good}]`}${more.after ?? ''}}`;

export const readText = (text: string): ManifestReading => parseManifest(Buffer.from(text));

/** What is wrong with a manifest, as `kind: detail` lines; empty when it was accepted. */
export function problemsOf(text: string | Uint8Array): string[] {
  const reading = parseManifest(typeof text === 'string' ? Buffer.from(text) : text);
  return reading.ok ? [] : reading.problems.map(({ kind, detail }) => `${kind}: ${detail}`);
}
