import type { KnownError } from '../../src/errors/index.ts';
import { exitBits, type Finding, FindingsLog } from '../../src/findings/index.ts';
import type { CountedCheck } from '../../src/observe/index.ts';
import { type CheckReport, printable, shownSize } from '../../src/report/index.ts';
import { counted } from './context.ts';

/** `change`: by the seal and what changed. `full`: every byte. */
export type PassKind = 'change' | 'full';

/** What one pass of `watch` found, or that it could not be made. */
export interface Outcome {
  readonly kind: PassKind;
  readonly store: string;
  /** Findings that fail. */
  readonly bad: readonly Finding[];
  readonly check: CountedCheck;
  /** The state of the store in a few words; the same words mean that nothing is new. */
  readonly words: string;
  /** False where the check could not be made: what was found before is then still so, for all that is known. */
  readonly isMade: boolean;
}

/** What fails nothing, and what a person should know all the same: nothing here can tell an older list yet. */
const said: ReadonlySet<string> = new Set(['list-first-seen', 'state-not-kept']);

export function outcomeOf(kind: PassKind, report: CheckReport): Outcome {
  const { store, exitCode, durationMs } = report;
  const { ok, altered, untrusted, missing, unchecked, hashedBytes, bytes } = report.summary;
  const models = { ok, altered, untrusted, missing, unchecked };
  const bad = report.findings.filter(({ bit }) => bit !== 0);
  const found = exitCode === 0 ? 'in order' : `exit status ${exitCode}`;
  const notes = report.findings.filter(({ rule }) => said.has(rule)).map(({ message }) => printable(message));
  return {
    ...{ kind, store, bad, isMade: true },
    check: { exitCode, durationMs, hashedBytes, models, findings: byRule(bad, report.unlisted) },
    words: [`${found}: ${counted(report.summary.models, 'model')}, ${shownSize(bytes)}`, ...notes].join('; '),
  };
}

/** The store was moved away, the list cannot be opened: nothing is known, and that is 4. */
export function failedCheck(kind: PassKind, store: string, error: KnownError, durationMs: number): Outcome {
  const log = new FindingsLog();
  log.add({ rule: 'check-failed', message: error.message, hint: error.hint });
  const bad = log.sorted();
  const exitCode = exitBits.unchecked;
  return {
    ...{ kind, store, bad, isMade: false },
    check: { exitCode, durationMs, hashedBytes: 0, models: {}, findings: byRule(bad) },
    words: `exit status ${exitCode}`,
  };
}

function byRule(bad: readonly Finding[], unlisted: CheckReport['unlisted'] = []): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { rule } of bad) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  for (const { rule, more } of unlisted) {
    const listed = counts.get(rule);
    if (listed !== undefined) counts.set(rule, listed + more);
  }
  return counts;
}
