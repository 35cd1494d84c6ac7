import { type Digest, isDigest } from '../oci/index.ts';

/** The first file of every archive: what follows it, in order. */
export const indexName = 'verify-models-index.json';

/**
 * What a file of an archive is. `oci` makes it an OCI image layout (image-spec, image-layout.md); `list` and `table` are
 * the files of a signed list, under the names by which a mirror offers them; `blob` is a manifest, a config or a layer.
 */
export type EntryKind = 'oci' | 'list' | 'table' | 'bom' | 'tool' | 'blob';

/** In the order in which kinds stand in an archive. */
export const kindOrder: readonly EntryKind[] = ['oci', 'list', 'table', 'bom', 'tool', 'blob'];

export const toolName = 'tool/verify-models';

const fixed: Readonly<Record<string, EntryKind>> = {
  'oci-layout': 'oci',
  'index.json': 'oci',
  'allow-list.json': 'list',
  'allow-list.json.sigstore.jsonl': 'list',
  'trust.json': 'list',
  'trust.json.sigstore.jsonl': 'list',
  'trusted_root.json': 'list',
  [toolName]: 'tool',
};

const patterns: readonly (readonly [RegExp, EntryKind])[] = [
  [/^trust\/[1-9][0-9]{0,8}\.json(?:\.sigstore\.jsonl)?$/, 'list'],
  [/^chunks\/[0-9a-f]{64}$/, 'table'],
  [/^bom\/[a-z0-9][a-z0-9._-]{0,79}$/, 'bom'],
  [/^blobs\/sha256\/[0-9a-f]{64}$/, 'blob'],
];

/**
 * The kind of a file by its name, or undefined for a name that no archive has. The grammar leaves no place for `..`, an
 * absolute path, or two names that differ in case only.
 */
export const entryKind = (name: string): EntryKind | undefined =>
  Object.hasOwn(fixed, name) ? fixed[name] : patterns.find(([pattern]) => pattern.test(name))?.[1];

export const blobName = (digest: Digest): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;
export const tableName = (digest: Digest): string => `chunks/${digest.slice('sha256:'.length)}`;

/** The digest that a name says, where it says one. */
export function digestInName(name: string): Digest | undefined {
  const digest = `sha256:${name.slice(name.lastIndexOf('/') + 1)}`;
  return isDigest(digest) ? digest : undefined;
}

/** Whether a file is the tool itself. */
export const isTool = ({ name }: { readonly name: string }): boolean => name === toolName;

/** Mode of a file in the archive: the tool is to be run where it is unpacked by hand. */
export const modeOf = (name: string): number => (name === toolName ? 0o755 : 0o644);
