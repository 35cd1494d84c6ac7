import type { Digest, ModelName } from '../oci/index.ts';

export const allowListSchema = 'urn:verify-models:allow-list:v1';

/** Largest list that is read: 64 MiB, some 60,000 models. */
export const listSizeLimit = 64 * 1024 * 1024;

/** The chunk table of one blob: pieces of `size` bytes, `count` of them, in a file named after its own SHA-256. */
export interface TableReference {
  readonly size: number;
  readonly count: number;
  readonly table: Digest;
}

/** A descriptor as the list pins it; `name` only where the manifest gives one (tensor layers). */
export interface ListedDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly name?: string;
  readonly chunks?: TableReference;
}

/** One approved model: the SHA-256 of the whole manifest file, and everything it names, in its order. */
export interface ListedModel {
  readonly manifest: { readonly digest: Digest; readonly size: number };
  readonly config: ListedDescriptor;
  readonly layers: readonly ListedDescriptor[];
  /** Where the bytes came from, for people. */
  readonly source?: string;
  /** Why it is on the list, for people. */
  readonly note?: string;
}

/** Which models are allowed. The bytes of the file are what is signed; there is no canonical form. */
export interface AllowList {
  /** Names this list for ever; approvals and the memory of a host are bound to it. */
  readonly listId: string;
  /** Grows by one with every change. */
  readonly version: number;
  /** A mirror's host -> the host it stands for; applied once. */
  readonly aliases: ReadonlyMap<string, string>;
  /** By full name, sorted. */
  readonly models: ReadonlyMap<string, ListedModel>;
}

/** The aliases of a list by their hosts in lower case: a host is the same in any. */
const folded = new WeakMap<AllowList['aliases'], ReadonlyMap<string, string>>();

function foldedAliases({ aliases }: Pick<AllowList, 'aliases'>): ReadonlyMap<string, string> {
  const known = folded.get(aliases);
  if (known !== undefined) return known;
  const made = new Map([...aliases].map(([alias, host]) => [alias.toLowerCase(), host]));
  folded.set(aliases, made);
  return made;
}

/** The full name under which a store's model is looked up: its host replaced when the list has an alias for it. */
export function resolveAlias(list: Pick<AllowList, 'aliases'>, name: ModelName): ModelName {
  const host = foldedAliases(list).get(name.host.toLowerCase());
  return host === undefined ? name : { ...name, host };
}
