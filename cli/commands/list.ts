import { KnownError } from '../../src/errors/index.ts';
import { printable, safeJson, shownSize } from '../../src/report/index.ts';
import { type ListedModel, listModels } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { settingsOf, storeOf, type TypedFlags } from './context.ts';

/** `verify-models list`: the models of a store as `ollama list` shows them, with what their configs say. */
export async function runList(flags: TypedFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  const format = settings.format ?? 'text';
  if (format !== 'text' && format !== 'json') {
    throw new KnownError('USAGE', { problem: `list knows the formats text and json, not ${format}` });
  }
  const { path } = await storeOf(settings, io);
  const models = await listModels(path, settings['follow-links-into'] ?? [], io.now(), io.interrupted);
  if (format === 'json') await io.stdout.write(`${document(path, models)}\n`);
  else await io.stdout.write(table(path, models));
  return 0;
}

function document(store: string, models: readonly ListedModel[]): string {
  const lines = models.map(({ shortName: _, ...model }) => `    ${safeJson(model)}`);
  return `{\n  "schema": "urn:verify-models:list:v1",\n  "store": ${safeJson(store)},\n  "models": [\n${lines.join(',\n')}\n  ]\n}`;
}

const heads = ['NAME', 'ID', 'SIZE', 'PARAMETERS', 'QUANTISATION', 'STATE'] as const;

function table(store: string, models: readonly ListedModel[]): string {
  const rows = models.map((m) => [
    printable(m.shortName, 60),
    m.id,
    shownSize(m.bytes),
    printable(m.parameters, 20) || '-',
    printable(m.quantisation, 20) || '-',
    m.state,
  ]);
  const widths = heads.map((head, column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] ?? '').length), head.length),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  const body = [heads, ...rows].map((row) => `${line(row)}\n`).join('');
  const empty = models.length === 0 ? `no models in ${printable(store)}\n` : '';
  return `${body}${empty}next: verify-models\n`;
}
