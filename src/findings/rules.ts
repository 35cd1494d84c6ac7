import { listedModelRules, listRules } from './list-rules.ts';
import type { Rule } from './rule.ts';
import { blobRules, manifestRules, otherRules, runningRules, sealRules } from './store-rules.ts';

/**
 * Every rule a check may report: severity, bit, what it means, why it matters, what to do.
 *
 * Ids are stable. `bit` is what a finding adds to the exit status: 1 altered, 2 not trusted, 4 could not be checked,
 * 8 missing, 0 nothing. `failBit` is the bit it adds instead when `--fail-on` names the rule. `docs/rules.md` holds
 * the same table for users, and a test compares the two in both directions.
 */
export const rules = {
  ...manifestRules,
  ...blobRules,
  ...otherRules,
  ...sealRules,
  ...runningRules,
  ...listRules,
  ...listedModelRules,
} satisfies Record<string, Rule>;

export type RuleId = keyof typeof rules;

export const ruleIds = Object.keys(rules) as RuleId[];

export const isRuleId = (text: string): text is RuleId => Object.hasOwn(rules, text);
