import { explainExitStatus, type Finding } from '../findings/index.ts';
import type { CheckReport, ModelStatus } from './check-report.ts';
import { printable } from './printable.ts';

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

const xml = (text: string): string =>
  printable(text)
    .replace(/[&<>"']/g, (c) => escapes[c] ?? c)
    .replace(/[\ufffe\uffff]/g, '?');

type Outcome = 'passed' | 'failure' | 'error' | 'skipped';

/** JUnit XML as CI systems read it: one test case a model, and one for what belongs to none of them. */
export function* renderJUnit(report: CheckReport): Generator<string> {
  const { models } = report;
  const names = new Set(models.map(({ name }) => name));
  // A finding may name a model that is not there, such as a listed one: it must not get lost.
  const byModel = Map.groupBy(report.findings, ({ model }) =>
    model !== undefined && names.has(model) ? model : '',
  );
  const ofStore = byModel.get('') ?? [];
  const outcomes = models.map(({ name, status }) => outcomeOf(status, byModel.get(name) ?? []));
  outcomes.push(outcomeOf('ok', ofStore));
  const count = (wanted: Outcome): number => outcomes.filter((outcome) => outcome === wanted).length;
  const counts = `tests="${outcomes.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`;
  const time = (report.durationMs / 1000).toFixed(3);
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield `<testsuites ${counts} time="${time}">\n`;
  yield `<testsuite name="${xml(report.store)}" ${counts} time="${time}" timestamp="${report.startedAt.toISOString()}">\n`;
  yield `<properties><property name="exitStatus" value="${xml(explainExitStatus(report.exitCode))}"/>`;
  yield `<property name="partial" value="${report.partial}"/></properties>\n`;
  for (const { name, status } of models) yield* testCase(name, status, byModel.get(name) ?? [], []);
  const unlisted = report.unlisted.map(({ rule, more }) => `${more} more of ${rule}`);
  yield* testCase('(store)', 'ok', ofStore, unlisted);
  yield '</testsuite>\n</testsuites>\n';
}

/** A finding with a bit fails its case even where the model is in order: `--fail-on` asked for it. */
function outcomeOf(status: ModelStatus, findings: readonly Finding[]): Outcome {
  const fails = findings.some(({ bit }) => bit !== 0);
  if (status === 'unchecked') return fails ? 'error' : 'skipped';
  return status !== 'ok' || fails ? 'failure' : 'passed';
}

function* testCase(
  name: string,
  status: ModelStatus,
  findings: readonly Finding[],
  more: readonly string[],
): Generator<string> {
  yield `<testcase classname="verify-models" name="${xml(name)}">`;
  const failing = findings.filter(({ bit }) => bit !== 0);
  const outcome = outcomeOf(status, findings);
  if (outcome === 'skipped') yield '<skipped message="not every blob was hashed in this run"/>';
  else if (outcome !== 'passed') {
    const first = failing[0];
    const message = xml(first?.message ?? `this model is ${status}`);
    const detail = failing.map(({ message, hint }) =>
      xml(hint === undefined ? message : `${message} (next: ${hint})`),
    );
    yield `<${outcome} message="${message}" type="${first?.rule ?? status}">${detail.join('\n')}</${outcome}>`;
  }
  const notes = findings.filter(({ bit }) => bit === 0).map(({ rule, message }) => `${rule}: ${message}`);
  const lines = [...notes, ...more].map((line) => xml(line));
  if (lines.length > 0) yield `<system-out>${lines.join('\n')}</system-out>`;
  yield '</testcase>\n';
}
