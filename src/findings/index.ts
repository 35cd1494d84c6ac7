export { type ExitBits, exitBits, exitStatusHelp, explainExitStatus } from './exit-status.ts';
export type { Fact, Finding } from './finding.ts';
export { FindingsLog, listedPerRule } from './findings-log.ts';
export { type Bit, isRuleId, type Rule, type RuleId, ruleIds, rules, type Severity } from './rules.ts';
export { shellWord, typedCommand, unprintable } from './typed-command.ts';
