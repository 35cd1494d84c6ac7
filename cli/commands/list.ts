import { KnownError } from '../../src/errors/index.ts';
import { exitBits } from '../../src/findings/index.ts';
import { printable, safeJson, shownSize } from '../../src/report/index.ts';
import { type ListedModel, listModels } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { checkCommand, settingsOf, storeOf, type TypedFlags } from './context.ts';

/** Widest column that is aligned; a longer name is printed in full and pushes its row to the right. */
const alignedWidth = 60;

/** `verify-models list`: the models of a store as `ollama list` shows them, with what their configs say. */
export async function runList(flags: TypedFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  const format = settings.format ?? 'text';
  // A format of the settings file or the environment is meant for check.
  if (format !== 'text' && format !== 'json' && (flags.format !== undefined || flags.json === true)) {
    throw new KnownError('USAGE', { problem: `list knows the formats text and json, not ${format}` });
  }
  const { path } = await storeOf(settings, io);
  const { models, problems } = await listModels(
    path,
    settings['follow-links-into'] ?? [],
    io.now(),
    io.interrupted,
  );
  // Half a list that looks whole is worse than none.
  if (io.interrupted.aborted) return typeof io.interrupted.reason === 'number' ? io.interrupted.reason : 130;
  for (const problem of problems)
    await io.stderr.write(`verify-models: ${printable(problem)} (STORE_UNREADABLE)\n`);
  if (format === 'json') await io.stdout.write(document(path, models));
  else {
    const next =
      problems.length > 0
        ? checkCommand(flags)
        : models.length === 0
          ? 'ollama pull llama3.2'
          : checkCommand(flags);
    await io.stdout.write(`${table(path, models)}${settings.quiet === true ? '' : `next: ${next}\n`}`);
  }
  // A list that may not be all of it is no success.
  return problems.length === 0 ? 0 : exitBits.unchecked;
}

function document(store: string, models: readonly ListedModel[]): string {
  const lines = models.map(({ shortName: _, ...model }) => `\n    ${safeJson(model)}`);
  const list = lines.length === 0 ? '[]' : `[${lines.join(',')}\n  ]`;
  return `{\n  "schema": "urn:verify-models:list:v1",\n  "store": ${safeJson(store)},\n  "models": ${list}\n}\n`;
}

const heads = ['NAME', 'ID', 'SIZE', 'PARAMETERS', 'QUANTISATION', 'STATE'] as const;

function table(store: string, models: readonly ListedModel[]): string {
  if (models.length === 0) return `no models in ${printable(store)}\n`;
  const rows = models.map((m) => [
    printable(m.shortName),
    m.id || '-',
    shownSize(m.bytes),
    printable(m.parameters, 20) || '-',
    printable(m.quantisation, 20) || '-',
    m.state,
  ]);
  const widths = heads.map((head, column) =>
    Math.min(
      alignedWidth,
      rows.reduce((width, row) => Math.max(width, (row[column] ?? '').length), head.length),
    ),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [heads, ...rows].map((row) => `${line(row)}\n`).join('');
}
