/** The files that lie beside an archive, and that no run can make twice alike. */
export interface BesideArchive {
  /** Signature of the index. */
  readonly signature: string;
  /** Who sent and who took it. */
  readonly record: string;
  /** The same on one page of paper. */
  readonly sheet: string;
}

/** Beside `models.tar`, and beside each of its volumes `models.003.tar`: `models.sigstore.jsonl`, and so on. */
export function besideArchive(path: string): BesideArchive {
  const base = baseOf(path);
  return {
    signature: `${base}.sigstore.jsonl`,
    record: `${base}.transfer.jsonl`,
    sheet: `${base}.sheet.txt`,
  };
}

/** A path without what makes it an archive or a volume. */
export const baseOf = (path: string): string => path.replace(/(?:\.[0-9]{3,})?\.tar$/, '');
