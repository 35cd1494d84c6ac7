import { explainExitStatus, type Finding } from '../findings/index.ts';
import type { CheckReport, ModelResult } from './check-report.ts';
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

/** JUnit XML as CI systems read it: one test case a model, and one for what belongs to no model. */
export function* renderJUnit(report: CheckReport): Generator<string> {
  const byModel = Map.groupBy(report.findings, (finding) => finding.model ?? '');
  const failing = (status: ModelResult['status']) => status !== 'ok' && status !== 'unchecked';
  const storeFindings = (byModel.get('') ?? []).filter((finding) => finding.bit !== 0);
  const models = report.models;
  const failures = models.filter((m) => failing(m.status)).length + (storeFindings.length > 0 ? 1 : 0);
  const skipped = models.filter((m) => m.status === 'unchecked' && !hasBit(byModel.get(m.name))).length;
  const errors = models.filter((m) => m.status === 'unchecked').length - skipped;
  const counts = `tests="${models.length + 1}" failures="${failures}" errors="${errors}" skipped="${skipped}"`;
  const time = (report.durationMs / 1000).toFixed(3);
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield `<testsuites ${counts} time="${time}">\n`;
  yield `<testsuite name="${xml(report.store)}" ${counts} time="${time}" timestamp="${report.startedAt.toISOString()}">\n`;
  yield `<properties><property name="exitStatus" value="${xml(explainExitStatus(report.exitCode))}"/>`;
  yield `<property name="partial" value="${report.partial}"/></properties>\n`;
  for (const model of models) yield* testCase(model.name, model.status, byModel.get(model.name) ?? []);
  yield* testCase('(store)', storeFindings.length > 0 ? 'altered' : 'ok', storeFindings);
  yield '</testsuite>\n</testsuites>\n';
}

const hasBit = (findings: readonly Finding[] | undefined): boolean =>
  (findings ?? []).some(({ bit }) => bit !== 0);

function* testCase(
  name: string,
  status: ModelResult['status'],
  findings: readonly Finding[],
): Generator<string> {
  yield `<testcase classname="verify-models" name="${xml(name)}">`;
  const failing = findings.filter(({ bit }) => bit !== 0);
  const detail = failing.map(({ message, hint }) =>
    xml(hint === undefined ? message : `${message} (next: ${hint})`),
  );
  const first = failing[0];
  const attributes = `message="${xml(first?.message ?? `this model is ${status}`)}" type="${first?.rule ?? status}"`;
  if (status === 'unchecked' && first === undefined)
    yield '<skipped message="not every blob was hashed in this run"/>';
  else if (status === 'unchecked') yield `<error ${attributes}>${detail.join('\n')}</error>`;
  else if (status !== 'ok') yield `<failure ${attributes}>${detail.join('\n')}</failure>`;
  const notes = findings
    .filter(({ bit }) => bit === 0)
    .map(({ rule, message }) => xml(`${rule}: ${message}`));
  if (notes.length > 0) yield `<system-out>${notes.join('\n')}</system-out>`;
  yield '</testcase>\n';
}
