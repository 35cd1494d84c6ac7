export { type ExitBits, exitBits, exitStatusHelp, explainExitStatus } from './exit-status.ts';
export type { Fact, Finding } from './finding.ts';
export { FindingsLog, listedPerRule } from './findings-log.ts';
export type { Bit, Rule, Severity } from './rule.ts';
export { isRuleId, type RuleId, ruleIds, rules } from './rules.ts';
export { shellWord, typedCommand, unprintable } from './typed-command.ts';
