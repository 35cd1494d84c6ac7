import { explainExitStatus, type Finding, type RuleId, typedCommand } from '../findings/index.ts';
import type { CheckReport, ModelResult } from './check-report.ts';
import { printable } from './printable.ts';
import { shownSize } from './shown-size.ts';

export interface TextOptions {
  readonly color: boolean;
  /** Only what fails, and the last line. */
  readonly quiet: boolean;
}

/** Findings of one rule that a person is shown; machine formats list more. */
const shownPerRule = 20;

const nameWidth = 60;

/** The report for people: one line a model, then what was found, then a block that says what it means and what to type. */
export function* renderText(report: CheckReport, options: TextOptions): Generator<string> {
  const paint = painter(options.color);
  if (!options.quiet) yield* modelLines(report.models, paint);
  yield* findingLines(report, options, paint);
  if (!options.quiet) yield* closing(report);
  yield `exit status ${explainExitStatus(report.exitCode)}\n`;
  if (!options.quiet) yield `next: ${printable(nextCommand(report))}\n`;
}

type Paint = (style: 'good' | 'bad' | 'warn' | 'dim', text: string) => string;

function painter(color: boolean): Paint {
  const codes = { good: 32, bad: 31, warn: 33, dim: 2 } as const;
  return (style, text) => (color ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);
}

function* modelLines(models: readonly ModelResult[], paint: Paint): Generator<string> {
  const longest = models.reduce(
    (most, { shortName }) => Math.max(most, printable(shortName, nameWidth).length),
    4,
  );
  const width = Math.min(nameWidth, longest);
  for (const { shortName, status, bytes } of models) {
    const style = status === 'ok' ? 'good' : status === 'unchecked' ? 'warn' : 'bad';
    const name = printable(shortName, nameWidth).padEnd(width);
    yield `${name}  ${paint(style, status.padEnd(9))}  ${shownSize(bytes)}\n`;
  }
  if (models.length > 0) yield '\n';
}

function* findingLines(report: CheckReport, options: TextOptions, paint: Paint): Generator<string> {
  const shown = new Map<RuleId, number>();
  for (const finding of report.findings) {
    if (options.quiet && finding.bit === 0) continue;
    const before = shown.get(finding.rule) ?? 0;
    shown.set(finding.rule, before + 1);
    if (before < shownPerRule) yield* findingLine(finding, paint);
  }
  const unlisted = new Map(report.unlisted.map(({ rule, more }) => [rule, more]));
  const counted = new Set([...shown.keys(), ...(options.quiet ? [] : unlisted.keys())]);
  for (const rule of counted) {
    const more = Math.max(0, (shown.get(rule) ?? 0) - shownPerRule) + (unlisted.get(rule) ?? 0);
    if (more > 0) yield `${more} more of ${rule}; --format json lists up to 1000\n`;
  }
  if (counted.size > 0) yield '\n';
}

function* findingLine(finding: Finding, paint: Paint): Generator<string> {
  const style = finding.severity === 'error' ? 'bad' : finding.severity === 'warning' ? 'warn' : 'dim';
  yield `${paint(style, finding.severity)} ${finding.rule}: ${printable(finding.message)}\n`;
  if (finding.severity === 'info') return;
  const rows = [
    ['file', finding.path],
    ['expected', finding.expected],
    ['found', finding.actual],
    ['next', finding.hint],
  ] as const;
  for (const [label, value] of rows) {
    if (value !== undefined) yield `  ${label.padEnd(8)}  ${printable(value)}\n`;
  }
}

function* closing(report: CheckReport): Generator<string> {
  const { summary } = report;
  const counts = (['ok', 'altered', 'untrusted', 'missing', 'unchecked'] as const)
    .filter((status) => summary[status] > 0)
    .map((status) => `${summary[status]} ${status}`);
  const models = `${summary.models} model${summary.models === 1 ? '' : 's'}`;
  yield `store ${printable(report.store)}\n`;
  yield `${models}${counts.length > 0 ? `: ${counts.join(', ')}` : ''}\n`;
  const extras = [
    summary.orphans > 0 ? `${summary.orphans} named by no manifest` : '',
    summary.partials > 0 ? `${summary.partials} unfinished downloads beside them` : '',
  ].filter((extra) => extra !== '');
  const blobs = `${summary.blobs} blob${summary.blobs === 1 ? '' : 's'}, ${shownSize(summary.bytes)}`;
  const hashed = `${shownSize(summary.hashedBytes)} hashed in ${(report.durationMs / 1000).toFixed(1)} s`;
  yield `${[blobs, ...extras].join(', ')}; ${hashed}\n`;
  if (report.partial) yield 'partial: not every blob was hashed in this run\n';
  yield `${printable(trustLine(report))}\n`;
}

function trustLine({ trustChecked, allowList }: CheckReport): string {
  if (!trustChecked)
    return 'trust was not checked: without an allow-list this proves integrity, not who approved it';
  if (allowList === null) return 'trust: the allow-list was not accepted, so nothing is trusted';
  const { listId, version, signers, expires } = allowList;
  return `trust: allow-list ${listId} version ${version}, approved by ${signers.join(', ')}, until ${expires.slice(0, 10)}`;
}

function nextCommand(report: CheckReport): string {
  const urgent = report.findings.find(({ bit, hint }) => bit !== 0 && hint !== undefined);
  if (urgent?.hint !== undefined) return urgent.hint;
  const again = typedCommand(['verify-models', '--store', report.store]) ?? 'verify-models';
  if (report.exitCode !== 0) return again;
  if (report.summary.models === 0) return 'ollama pull llama3.2';
  if (report.partial) return again;
  return 'verify-models --report sarif=verify-models.sarif   (the same check, with a file for your CI)';
}
