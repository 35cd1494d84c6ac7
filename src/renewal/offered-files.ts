/** Files of a signed list that a mirror offers. */
export interface OfferedFiles {
  /** The URL that the files come from, to remember which list belongs there; undefined for an archive. */
  readonly place?: string | undefined;
  /**
   * The bytes, or undefined where the mirror has no such file.
   *
   * @param name `allow-list.json`, `chunks/HEX`, `trust/3.json`, ...
   * @param limit largest size, bytes
   * @throws KnownError UPSTREAM_*
   */
  get(name: string, limit: number): Promise<Buffer | undefined>;
}
