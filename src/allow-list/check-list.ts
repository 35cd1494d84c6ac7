import { createHash } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import { type Digest, digestBytes, digestFromBytes } from '../oci/index.ts';
import type { AllowList, ListedDescriptor, ListedModel } from './allow-list.ts';

const refuse = (problem: string) => new KnownError('LIST_MALFORMED', { problem });

/**
 * Refuses a list of which one line says other than another one: whatever is said twice is said alike.
 *
 * @throws KnownError LIST_MALFORMED
 */
export function assertConsistent(list: AllowList): void {
  checkAliases(list);
  checkNamesDiffer(list);
  checkOneSizeOneTable(list);
  checkOneManifest(list);
}

function checkAliases({ aliases, models }: AllowList): void {
  const host = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}$/;
  const listed = new Set([...models.keys()].map((name) => name.slice(0, name.indexOf('/')).toLowerCase()));
  const targets = new Set([...aliases.values()].map((target) => target.toLowerCase()));
  const seen = new Set<string>();
  for (const [alias, target] of aliases) {
    const folded = alias.toLowerCase();
    if (!host.test(alias) || !host.test(target)) throw refuse(`the alias ${alias.slice(0, 80)} is no host`);
    if (listed.has(folded)) throw refuse(`the alias host ${alias} also heads a listed name`);
    if (targets.has(folded)) throw refuse(`the alias ${alias} is the target of another: aliases apply once`);
    if (seen.has(folded)) throw refuse(`two aliases are equal without regard to case: ${alias}`);
    seen.add(folded);
  }
}

function checkNamesDiffer({ models }: AllowList): void {
  const seen = new Map<string, string>();
  for (const name of models.keys()) {
    const folded = name.toLowerCase();
    const other = seen.get(folded);
    if (other !== undefined) throw refuse(`${other} and ${name} differ in case only`);
    seen.set(folded, name);
  }
}

/** One digest has one size and one table: else two models could pin two different truths about the same bytes. */
function checkOneSizeOneTable({ models }: AllowList): void {
  const seen = new Map<Digest, ListedDescriptor>();
  const tables = new Map<Digest, Digest>();
  for (const { config, layers } of models.values()) {
    for (const entry of [config, ...layers]) {
      checkPieces(entry);
      const other = seen.get(entry.digest);
      if (other === undefined) seen.set(entry.digest, entry);
      else if (other.size !== entry.size || JSON.stringify(other.chunks) !== JSON.stringify(entry.chunks)) {
        throw refuse(`${entry.digest} has two sizes or two chunk tables`);
      }
      checkOneBlob(entry, tables);
    }
  }
  for (const { manifest } of models.values()) {
    const blob = seen.get(manifest.digest);
    if (blob !== undefined && blob.size !== manifest.size)
      throw refuse(`${manifest.digest} has two sizes or two chunk tables`);
  }
}

/** How many pieces there are follows from the size; where there is one, its digest is that of the blob. */
function checkPieces({ digest, size, chunks }: ListedDescriptor): void {
  if (chunks === undefined) return;
  const pieces = Math.ceil(size / chunks.size);
  if (pieces !== chunks.count)
    throw refuse(`${digest} has ${chunks.count} pieces in the list, and ${pieces} by its size`);
  if (pieces !== 1) return;
  const table = digestFromBytes(createHash('sha256').update(digestBytes(digest)).digest());
  if (table !== chunks.table) throw refuse(`${digest} has one piece, and the chunk table of other bytes`);
}

/** A table is made of the digests of all pieces: two blobs with one table would be the same bytes. */
function checkOneBlob({ digest, chunks }: ListedDescriptor, tables: Map<Digest, Digest>): void {
  if (chunks === undefined) return;
  const other = tables.get(chunks.table);
  if (other === undefined) tables.set(chunks.table, digest);
  else if (other !== digest) throw refuse(`${other} and ${digest} have the same chunk table`);
}

/** Two names may stand for one manifest, which has one size, one config and one row of layers. */
function checkOneManifest({ models }: AllowList): void {
  const seen = new Map<Digest, string>();
  for (const [name, model] of models) {
    const { digest } = model.manifest;
    const other = seen.get(digest);
    const first = other === undefined ? undefined : models.get(other);
    if (first === undefined) seen.set(digest, name);
    else if (contentOf(first) !== contentOf(model))
      throw refuse(`${other} and ${name} pin the same manifest, and list other layers or another size of it`);
  }
}

const contentOf = ({ manifest, config, layers }: ListedModel): string =>
  JSON.stringify([
    manifest.size,
    ...[config, ...layers].map(({ mediaType, digest, size, name }) => [mediaType, digest, size, name]),
  ]);
