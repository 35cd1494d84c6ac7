import type { Digest } from '../oci/index.ts';

/** What a mirror records for whoever asks later: what was decided, served for the first time, and changed. */
export type AuditEvent =
  | {
      readonly kind: 'admitted';
      /** In full. */
      readonly model: string;
      readonly manifest: Digest;
      readonly blobs: number;
      /** Bytes of all its blobs. */
      readonly bytes: number;
      readonly source: string;
      /** The list that allowed it; undefined where it was only observed. */
      readonly list: Digest | undefined;
      readonly listVersion: number | undefined;
    }
  | { readonly kind: 'refused'; readonly model: string; readonly reason: string; readonly served: boolean }
  | {
      /**
       * More was refused than is recorded one by one. Only refusals are ever folded: what was admitted, what moved, and
       * which list was in force always has a record of its own.
       */
      readonly kind: 'folded';
      /** Requests that were refused and stand in no other record and in no row of the catalog. */
      readonly refused: number;
      /** The same, of requests that were served although `enforce` would have refused them. */
      readonly served: number;
      /** RFC 3339, UTC: since when they came. */
      readonly since: string;
    }
  | { readonly kind: 'moved'; readonly model: string; readonly expected: Digest; readonly found: Digest }
  | {
      readonly kind: 'quarantined';
      readonly blob: Digest;
      readonly found: Digest | undefined;
      readonly place: string;
    }
  | { readonly kind: 'refetched'; readonly blob: Digest }
  | { readonly kind: 'removed'; readonly blob: Digest; readonly bytes: number }
  | {
      readonly kind: 'list-accepted';
      readonly listId: string;
      readonly version: number;
      readonly list: Digest;
    }
  | {
      /** The list that was in force is so no more: its approval expired, a key may no longer approve. */
      readonly kind: 'list-ended';
      readonly listId: string;
      readonly version: number;
      readonly list: Digest;
      readonly reason: string;
    }
  | {
      readonly kind: 'exported' | 'imported';
      /** SHA-256 of the archive's index. */
      readonly archive: Digest;
      readonly models: number;
      /** Models that were not let in. */
      readonly refused: number;
      /** Bytes of the archive, or that were taken of it. */
      readonly bytes: number;
    };
