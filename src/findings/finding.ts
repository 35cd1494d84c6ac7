import type { Bit, Severity } from './rule.ts';
import type { RuleId } from './rules.ts';

/**
 * One fact that a check found. Names and paths in it come from the store and stay raw: a printer makes them
 * printable. `path` is relative to the store, `expected` and `actual` are digests, sizes or short words.
 */
export interface Finding {
  readonly rule: RuleId;
  readonly severity: Severity;
  /** What it adds to the exit status. */
  readonly bit: Bit;
  /** Full name of the first model that is hit; the message names the others. */
  readonly model?: string;
  /** What the layer is: weights, template, system, ... */
  readonly layer?: string;
  readonly digest?: string;
  readonly path?: string;
  readonly expected?: string;
  readonly actual?: string;
  readonly message: string;
  /** The command to type next, or one sentence. */
  readonly hint?: string;
}

/** What the reporter of a finding knows; severity and bit come from the rule. */
export type Fact = {
  readonly [Key in keyof Omit<Finding, 'severity' | 'bit'>]:
    | Omit<Finding, 'severity' | 'bit'>[Key]
    | undefined;
} & Pick<Finding, 'rule' | 'message'>;
