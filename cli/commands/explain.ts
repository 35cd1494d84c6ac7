import { KnownError } from '../../src/errors/index.ts';
import { isRuleId, type RuleId, ruleIds, rules } from '../../src/findings/index.ts';
import { nearest } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { refuseFormats, type TypedFlags } from './context.ts';

/** `verify-models explain [RULE]`: what a rule means, why it matters, what to do; without a rule, all of them. */
export async function runExplain(word: string | undefined, flags: TypedFlags, io: Io): Promise<number> {
  refuseFormats(flags, 'explain');
  if (word === undefined) {
    const width = Math.max(...ruleIds.map((id) => id.length));
    const lines = ruleIds.map(
      (id) => `${id.padEnd(width)}  ${rules[id].severity.padEnd(7)}  ${rules[id].means}\n`,
    );
    await io.stdout.write(`${lines.join('')}next: verify-models explain RULE\n`);
    return 0;
  }
  if (!isRuleId(word)) {
    const near = nearest(word, ruleIds);
    const suggestion =
      near === undefined ? 'verify-models explain' : `did you mean: verify-models explain ${near}`;
    throw new KnownError('RULE_UNKNOWN', { rule: word.slice(0, 80), suggestion });
  }
  await io.stdout.write(explanation(word));
  return 0;
}

function explanation(id: RuleId): string {
  const { severity, bit, failBit, means, matters, todo } = rules[id];
  const adds =
    bit === 0
      ? `adds nothing to the exit status (with --fail-on ${id}: ${failBit})`
      : `adds ${bit} to the exit status`;
  return [
    `${id}: ${severity}, ${adds}`,
    '',
    `What it means   ${means}`,
    `Why it matters  ${matters}`,
    `What to do      ${todo}`,
    '',
    'next: verify-models',
    '',
  ].join('\n');
}
