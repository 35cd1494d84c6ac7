import type { AllowList, Companions } from '../allow-list/index.ts';
import type { ListFact, ListOutcome } from '../trust/index.ts';
import type { HeldList } from './judge-again.ts';

/** An allow-list that was judged, and how it is to be applied. */
export interface ListForCheck {
  /** What signatures, dates and memory say. */
  readonly outcome: ListOutcome<AllowList>;
  /**
   * The last word on the list, once it was compared with the manifests that are at hand: refused where these facts
   * speak against it, else remembered, where that is wanted and it was accepted.
   */
  settle(against: readonly ListFact[]): ListOutcome<AllowList>;
  /** What is needed to judge it again; undefined where it was refused. */
  readonly held?: HeldList | undefined;
  /** As it was typed; undefined when none was given although one is required. */
  readonly path: string | undefined;
  readonly companions: Companions;
  readonly exact: boolean;
  readonly allowCopies: boolean;
  readonly requireAll: boolean;
  /** Whole digests even where there is a chunk table. */
  readonly whole: boolean;
}
