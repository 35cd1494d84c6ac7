import type { CatalogModel } from '../../src/catalog/index.ts';
import { fullName, parseManifest, parseModelName, shortDigest, shortName } from '../../src/oci/index.ts';
import { printable, safeJson, shownSize } from '../../src/report/index.ts';
import type { Io } from '../terminal/index.ts';
import { settingsOf, type TypedFlags } from './mirror-settings.ts';
import { openMirror } from './open-mirror.ts';

/** Names of each kind that are shown. */
const shown = 20;

/** Models that are listed. */
const modelsShown = 1000;

interface ModelLine {
  readonly name: string;
  /** As `ollama list` shows it. */
  readonly id: string;
  readonly bytes: number;
}

function lineOf({ name, digest, bytes }: CatalogModel): ModelLine {
  const reading = parseManifest(bytes);
  const entries = reading.ok ? [reading.manifest.config, ...reading.manifest.layers] : [];
  const sizes = new Map(entries.map((entry) => [entry.digest, entry.size]));
  const sum = [...sizes.values()].reduce((all, size) => all + size, 0);
  return { name: fullName(name), id: shortDigest(digest), bytes: sum };
}

/** Names, ids and sizes under one another. */
function table(models: readonly ModelLine[]): string[] {
  const rows = models.map(({ name, id, bytes }) => [
    printable(shortName(parseModelName(name))),
    id,
    shownSize(bytes),
  ]);
  const width = Math.max(0, ...rows.map(([name = '']) => name.length));
  return rows.map(([name = '', id, size]) => `  ${name.padEnd(width)}   ${id}   ${size}`);
}

/** `model-mirror status`: what is here, what moved upstream, what was refused. */
export async function runStatus(flags: TypedFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  const mirror = await openMirror(settings, flags, io);
  try {
    const { catalog, data, policy } = mirror;
    const totals = await catalog.totals();
    const moved = await catalog.movedTags(shown);
    const refusals = await catalog.refusals(shown);
    const models = (await catalog.models(modelsShown, undefined)).map(lineOf);
    if (settings.format === 'json') {
      const document = {
        schema: 'urn:model-mirror:status:v1',
        data,
        policy,
        totals,
        models,
        moved,
        refusals,
      };
      await io.stdout.write(`${safeJson(document)}\n`);
      return 0;
    }
    const lines = [
      `data     ${printable(data)}`,
      `models   ${totals.models}`,
      `blobs    ${totals.blobs}, ${shownSize(totals.bytes)}`,
      ...table(models),
      ...(totals.models > models.length ? [`  and ${totals.models - models.length} more`] : []),
      ...moved.map(
        ({ name, expected, found, lastAt }) =>
          `moved    ${printable(name)}   approved ${shortDigest(expected)}, upstream ${shortDigest(found)}   ${lastAt.slice(0, 10)}`,
      ),
      ...refusals.map(
        ({ sentence, served, times, lastAt }) =>
          `${served ? 'would refuse' : 'refused '} ${times} x   ${printable(sentence)}   ${lastAt.slice(0, 10)}`,
      ),
      `next: model-mirror ${totals.models === 0 ? 'sync llama3.2' : 'scrub'}`,
    ];
    await io.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  } finally {
    await mirror.close();
  }
}
