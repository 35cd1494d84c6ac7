import { allBits, type ExitBits } from './exit-status.ts';
import type { Fact, Finding } from './finding.ts';
import type { Bit } from './rule.ts';
import { type RuleId, ruleIds, rules } from './rules.ts';

/** Findings of one rule that are listed; the rest is counted only, so that a hostile store cannot fill the memory. */
export const listedPerRule = 1000;

/** Collects findings: looks up severity and bit, keeps the exit status, lists up to a limit and counts the rest. */
export class FindingsLog {
  readonly #failOn: ReadonlySet<RuleId>;
  readonly #onFinding: (finding: Finding) => void;
  readonly #listed: Finding[] = [];
  readonly #counts = new Map<RuleId, number>();
  readonly #listedOf = new Map<RuleId, number>();
  #bits = 0;

  constructor(failOn: ReadonlySet<RuleId> = new Set(), onFinding: (finding: Finding) => void = () => {}) {
    this.#failOn = failOn;
    this.#onFinding = onFinding;
  }

  /** Records one fact and gives the bit it adds to the exit status. */
  add(fact: Fact): Bit {
    const rule = rules[fact.rule];
    const bit: Bit = this.#failOn.has(fact.rule) ? rule.failBit : rule.bit;
    this.#bits |= bit;
    this.#counts.set(fact.rule, this.count(fact.rule) + 1);
    const listed = this.#listedOf.get(fact.rule) ?? 0;
    if (listed >= listedPerRule) return bit;
    this.#listedOf.set(fact.rule, listed + 1);
    const severity = bit !== 0 ? 'error' : rule.severity;
    const known = Object.fromEntries(Object.entries(fact).filter(([, value]) => value !== undefined));
    const finding: Finding = { ...(known as Pick<Finding, 'rule' | 'message'>), severity, bit };
    this.#listed.push(finding);
    this.#onFinding(finding);
    return bit;
  }

  /** Counts findings of a rule that nobody kept; they add their bit and are not listed. */
  addUnlisted(id: RuleId, more: number): void {
    const rule = rules[id];
    if (more > 0) this.#bits |= this.#failOn.has(id) ? rule.failBit : rule.bit;
    this.#counts.set(id, this.count(id) + more);
  }

  /** The findings' part of the exit status. */
  get bits(): ExitBits {
    return allBits(this.#bits);
  }

  count(rule: RuleId): number {
    return this.#counts.get(rule) ?? 0;
  }

  /** Worst first, then by rule, path and message: the same store gives the same list, whatever thread was faster. */
  sorted(): Finding[] {
    const key = (f: Finding) => `${rank[f.severity]} ${f.rule} ${f.path ?? ''} ${f.model ?? ''} ${f.message}`;
    return this.#listed
      .map((finding) => ({ finding, key: key(finding) }))
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
      .map(({ finding }) => finding);
  }

  /** Rules that found more than is listed, with the number that is not; in the order of the table of rules. */
  unlisted(): { rule: RuleId; more: number }[] {
    return ruleIds
      .map((rule) => ({ rule, more: this.count(rule) - (this.#listedOf.get(rule) ?? 0) }))
      .filter(({ more }) => more > 0);
  }
}

const rank = { error: 0, warning: 1, info: 2 } as const;
