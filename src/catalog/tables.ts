import type { Generated } from 'kysely';

/** Times are texts of RFC 3339 in UTC, sizes and versions integers below 2^53: what SQLite and PostgreSQL hold alike. */
export interface Tables {
  readonly model: {
    /** The full name in lower case: Ollama asks in any. */
    readonly folded: string;
    readonly host: string;
    /** `namespace/model`, as it was admitted. */
    readonly repository: string;
    readonly tag: string;
    readonly manifest: string;
    readonly source: string;
    readonly list_digest: string | null;
    readonly list_version: number | null;
    readonly admitted_at: string;
  };
  readonly manifest: {
    readonly digest: string;
    readonly media_type: string;
    /** Exactly as received. */
    readonly bytes: Uint8Array;
  };
  readonly blob: {
    readonly digest: string;
    readonly size: number;
    readonly verified_at: string;
    readonly scrubbed_at: string | null;
  };
  readonly manifest_blob: { readonly manifest: string; readonly blob: string };
  readonly refusal: {
    readonly folded: string;
    readonly name: string;
    readonly sentence: string;
    /** 1 where it was served all the same: policy observe. */
    readonly served: number;
    readonly times: number;
    readonly first_at: string;
    readonly last_at: string;
  };
  readonly moved_tag: {
    readonly folded: string;
    readonly name: string;
    readonly expected: string;
    readonly found: string;
    readonly first_at: string;
    readonly last_at: string;
    /** The digests that were found last, the newest at the end, with spaces between them. */
    readonly seen: string;
  };
  readonly audit: {
    readonly seq: number;
    readonly time: string;
    /** JSON. */
    readonly event: string;
    readonly previous: string;
    readonly hash: string;
  };
  readonly schema_version: { readonly id: Generated<number>; readonly version: number };
}
