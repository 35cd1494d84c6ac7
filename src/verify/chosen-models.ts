import type { GatheredModel } from './gather-models.ts';

/** The models of a check. */
export interface ChosenModels {
  /** Every model of the store. */
  readonly all: readonly GatheredModel[];
  readonly chosen: readonly GatheredModel[];
  /** Listed models that were named and are not in the store, in full. */
  readonly absent: readonly string[];
  /** No model was named: all of the store is checked. */
  readonly whole: boolean;
  /** Every manifest was read. */
  readonly complete: boolean;
}
