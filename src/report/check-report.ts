import type { Finding, RuleId } from '../findings/index.ts';

/** A model's verdict: the first that applies of altered, untrusted, missing, unchecked, ok. */
export type ModelStatus = 'ok' | 'altered' | 'untrusted' | 'missing' | 'unchecked';

/** How a blob was proven: every byte hashed, by its chunk table, by a seal, refuted by its size, or not at all. */
export type Proof = 'whole' | 'pieces' | 'seal' | 'size' | 'none';

export interface ModelResult {
  /** In full: `host/namespace/model:tag`. */
  readonly name: string;
  /** As `ollama list` shows it. */
  readonly shortName: string;
  /** SHA-256 of the manifest file; null where it could not be read. */
  readonly manifestDigest: string | null;
  readonly status: ModelStatus;
  /** Bytes of the manifest and of everything it names, each blob once. */
  readonly bytes: number;
}

export interface BlobResult {
  readonly digest: string;
  readonly bytes: number;
  readonly proof: Proof;
}

export interface Summary {
  readonly models: number;
  readonly blobs: number;
  /** Bytes of all blobs of this check. */
  readonly bytes: number;
  /** Bytes whose digest was computed in this run, a second reading not counted. */
  readonly hashedBytes: number;
  readonly ok: number;
  readonly altered: number;
  readonly untrusted: number;
  readonly missing: number;
  readonly unchecked: number;
  readonly orphans: number;
  readonly partials: number;
}

/** The allow-list that was accepted. */
export interface AllowListInfo {
  readonly listId: string;
  readonly version: number;
  readonly digest: string;
  /** ISO 8601. */
  readonly expires: string;
  readonly signers: readonly string[];
}

/** Everything one check found; the printers of this folder turn it into documents. */
export interface CheckReport {
  readonly tool: { readonly name: string; readonly version: string };
  /** Absolute path. */
  readonly store: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** Not every blob was hashed: asked for, or cut short. */
  readonly partial: boolean;
  /** A list was given, accepted or not. */
  readonly trustChecked: boolean;
  /** Null without a list, and when it was not accepted: the findings say why. */
  readonly allowList: AllowListInfo | null;
  readonly exitCode: number;
  readonly summary: Summary;
  readonly models: readonly ModelResult[];
  /** Streamed: a store may hold a million. Can be walked more than once. */
  readonly blobs: Iterable<BlobResult>;
  readonly findings: readonly Finding[];
  /** Findings beyond those listed. */
  readonly unlisted: readonly { readonly rule: RuleId; readonly more: number }[];
}
