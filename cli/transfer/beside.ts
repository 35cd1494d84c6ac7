import { existsSync } from 'node:fs';

/** The files that lie beside an archive, and that no run can make twice alike. */
export interface BesideArchive {
  /** Signature of the index. */
  readonly signature: string;
  /** Who sent and who took it. */
  readonly record: string;
  /** The same on one page of paper. */
  readonly sheet: string;
}

/** Beside `models.tar`, and beside its volumes `models.001.tar` too: `models.sigstore.jsonl`, and so on. */
export const writtenBeside = (path: string): BesideArchive => named(baseOf(path));

/**
 * The same for what was brought, of which a name does not tell whether it is a volume: `models.2026.tar` is the 2026th
 * one or an archive of that year. Files that bear the whole name belong to it.
 */
export function besideArchive(path: string): BesideArchive {
  const own = writtenBeside(path);
  if ([own.signature, own.record].some((file) => existsSync(file))) return own;
  return named(baseOf(path).replace(/\.[0-9]{3,6}$/, ''));
}

/** A path without what makes it an archive. */
export const baseOf = (path: string): string => path.replace(/\.tar$/, '');

const named = (base: string): BesideArchive => ({
  signature: `${base}.sigstore.jsonl`,
  record: `${base}.transfer.jsonl`,
  sheet: `${base}.sheet.txt`,
});
