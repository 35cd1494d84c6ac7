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
      readonly kind: 'exported' | 'imported';
      /** SHA-256 of the archive's index. */
      readonly archive: Digest;
      readonly models: number;
      /** Models that were not let in. */
      readonly refused: number;
      /** Bytes of the archive, or that were taken of it. */
      readonly bytes: number;
    };
