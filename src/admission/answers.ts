import type { Digest } from '../oci/index.ts';

/** Who asks, as far as it decides what is done. */
export interface Client {
  /** The address of the peer, for its share of the queue and for the log. */
  readonly address: string;
  /** The peer is this machine itself. */
  readonly loopback: boolean;
  /**
   * The client is Ollama (by its User-Agent). For a model without tensor layers it is answered at once, and the ranges it
   * asks for are held until they are verified. Everybody else waits at the manifest until all of the model is here: they
   * would take silence inside a blob for a failure.
   */
  readonly ollama: boolean;
}

/** A manifest that is asked for. */
export interface ManifestQuestion {
  /** The `Host` header, in lower case: it chooses the upstream. */
  readonly host: string;
  /** `namespace/model`, as it was typed. */
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
  readonly client: Client;
  readonly signal: AbortSignal;
}

export type ManifestAnswer =
  | { readonly kind: 'manifest'; readonly digest: Digest; readonly mediaType: string; readonly bytes: Buffer }
  /** Nobody has it: 404. */
  | { readonly kind: 'unknown' }
  /** It is not allowed: 403, and one sentence that a person reads inside `ollama pull`. */
  | { readonly kind: 'refused'; readonly sentence: string }
  /** It is allowed and cannot be had now: 503, and one sentence. */
  | { readonly kind: 'unavailable'; readonly sentence: string; readonly retryAfterSeconds?: number };

/** A blob file that is open for reading; whoever got it closes it. */
export interface ReadableBlob {
  readonly fd: number;
  readonly size: number;
  close(): Promise<void>;
}

export type BlobAnswer =
  /** A small file about a model, not a part of one: an approval, an attestation. */
  | { readonly kind: 'small'; readonly size: number; readonly bytes: Buffer }
  /** All of it is here, and verified. */
  | { readonly kind: 'stored'; readonly size: number; open(): Promise<ReadableBlob> }
  /**
   * It is being fetched. `open` waits until every byte from `start` to `end` (exclusive) was verified, and gives a file
   * from which those may be read.
   *
   * @throws KnownError FETCH_FAILED when it cannot be had; the signal's reason when nobody waits any more
   */
  | {
      readonly kind: 'arriving';
      readonly size: number;
      open(start: number, end: number, signal: AbortSignal): Promise<ReadableBlob>;
    };

/** What the HTTP server asks: the mirror behind it. */
export interface Mirror {
  /** The answer that was given to the same question a moment ago, where it still holds: for tags that thousands ask for. */
  recent?(host: string, repository: string, reference: string): ManifestAnswer | undefined;
  manifest(question: ManifestQuestion): Promise<ManifestAnswer>;
  /** A blob that some admitted or arriving model names; undefined is 404. */
  blob(digest: Digest): Promise<BlobAnswer | undefined>;
  /** Names of repositories, and tags of one, in code-point order, after `last`, at most `count`. */
  repositories(host: string, count: number, last: string | undefined): Promise<readonly string[]>;
  tags(
    host: string,
    repository: string,
    count: number,
    last: string | undefined,
  ): Promise<readonly string[] | undefined>;
  /** Descriptors of approvals and attestations of a manifest, for the OCI referrers API. */
  referrers(digest: Digest): Promise<readonly Referrer[]>;
}

/** A descriptor in a referrers index (OCI distribution-spec 1.1, Listing Referrers). */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
