import type { Fact, Finding, RuleId } from '../findings/index.ts';
import type { Activity } from '../hash/index.ts';
import type { StateDirectory } from '../state/index.ts';
import type { BlobTables } from './blob-tables.ts';
import type { ListForCheck } from './list-for-check.ts';
import type { Limits } from './plan.ts';
import type { RunningModels } from './running-models.ts';
import type { Sealing } from './sealing.ts';

export interface CheckRequest extends Limits {
  readonly tool: { readonly name: string; readonly version: string };
  /** Absolute path of the store, links resolved. */
  readonly store: string;
  /** Directories into which links of the store may lead. */
  readonly followLinksInto: readonly string[];
  /** Names as typed; none means the whole store. */
  readonly models: readonly string[];
  /** Words that are commands, for suggestions. */
  readonly commands: readonly string[];
  /** Hashing threads. */
  readonly jobs: number;
  /** Bytes a second; undefined means as fast as it goes. */
  readonly maxRate?: number | undefined;
  readonly firstFailure: boolean;
  /** Rules that fail although they normally do not. */
  readonly failOn: ReadonlySet<RuleId>;
  /** What was found before the store was looked at: of the files by which the check decides. */
  readonly facts?: readonly Fact[] | undefined;
  /** Opens the state directory; called only by a run that has a deadline. @throws KnownError STATE_* */
  readonly openState: () => StateDirectory;
  /** An allow-list that was judged; undefined checks integrity alone. */
  readonly list?: ListForCheck | undefined;
  /** What was proven before and what is kept of this run; undefined means that every byte is read. */
  readonly sealing?: Sealing | undefined;
  /** What Ollama has loaded is held against what was proven; undefined leaves it alone. */
  readonly running?: RunningModels | undefined;
  /** Chunk tables to make; undefined means those of the list are used. */
  readonly tables?: BlobTables | undefined;
}

export interface CheckEffects {
  now(): Date;
  /** Milliseconds that only go forward. */
  monotonic(): number;
  /** Ends the run; its reason is the exit status (130, 143). */
  readonly signal: AbortSignal;
  /** Ends the run in time (`--max-duration`); the next run goes on. */
  readonly deadline?: AbortSignal | undefined;
  readonly observer: CheckObserver;
}

/** Somebody who watches a check: a progress bar, a stream of events. */
export interface CheckObserver {
  /** Hashing begins; `progress` may be asked until `ended`. */
  hashing(progress: HashingProgress): void;
  finding(finding: Finding): void;
  ended(): void;
}

export interface HashingProgress {
  readonly blobs: number;
  /** To hash in this run. */
  readonly bytes: number;
  readonly bytesDone: () => number;
  readonly activities: () => (Activity & { readonly total: number })[];
}
