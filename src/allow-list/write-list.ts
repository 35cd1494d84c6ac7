import { type AllowList, allowListSchema, type ListedDescriptor, type ListedModel } from './allow-list.ts';

/**
 * The text of a list: sorted by name, one descriptor a line, so that a change of one layer is a change of one line in
 * git. Two equal lists have equal texts.
 */
export function writeAllowList(list: AllowList): string {
  const aliases = [...list.aliases].sort(([a], [b]) => (a < b ? -1 : 1));
  const models = [...list.models].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    '{',
    `  "schema": ${JSON.stringify(allowListSchema)},`,
    `  "listId": ${JSON.stringify(list.listId)},`,
    `  "version": ${list.version},`,
    ...(aliases.length === 0 ? [] : [`  "aliases": ${JSON.stringify(Object.fromEntries(aliases))},`]),
    models.length === 0 ? '  "models": {}' : `  "models": {\n${models.map(modelText).join(',\n')}\n  }`,
    '}',
    '',
  ].join('\n');
}

function modelText([name, model]: [string, ListedModel]): string {
  const { manifest, config, layers, source, note } = model;
  const lines = [
    `"manifest": ${JSON.stringify({ digest: manifest.digest, size: manifest.size })}`,
    `"config": ${descriptorText(config)}`,
    layers.length === 0
      ? '"layers": []'
      : `"layers": [\n${layers.map((layer) => `        ${descriptorText(layer)}`).join(',\n')}\n      ]`,
    ...(source === undefined ? [] : [`"source": ${JSON.stringify(source)}`]),
    ...(note === undefined ? [] : [`"note": ${JSON.stringify(note)}`]),
  ];
  return `    ${JSON.stringify(name)}: {\n${lines.map((line) => `      ${line}`).join(',\n')}\n    }`;
}

function descriptorText({ mediaType, digest, size, name, chunks }: ListedDescriptor): string {
  const table =
    chunks === undefined ? undefined : { size: chunks.size, count: chunks.count, table: chunks.table };
  return JSON.stringify({ mediaType, digest, size, name, chunks: table });
}
