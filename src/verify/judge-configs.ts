import { typedCommand } from '../findings/index.ts';
import type { ConfigReading, Digest } from '../oci/index.ts';
import type { OllamaStore, Report } from '../store/index.ts';
import type { Inventory } from './inventory.ts';
import type { ModelRecord } from './model-records.ts';
import { readConfig } from './read-config.ts';

/** Reads the config of each model whose config blob is right: does it name another host, and can it be trusted to say so? */
export function judgeConfigs(
  store: OllamaStore,
  inventory: Inventory,
  models: readonly ModelRecord[],
  report: Report,
): void {
  const readings = new Map<Digest, ConfigReading | undefined>();
  for (const model of models) {
    if (model.config === undefined) continue;
    if (!readings.has(model.config)) readings.set(model.config, readingOf(store, inventory, model.config));
    const reading = readings.get(model.config);
    if (reading !== undefined) judgeOne(model, model.config, reading, report);
  }
}

function readingOf(
  store: OllamaStore,
  { references, table }: Inventory,
  digest: Digest,
): ConfigReading | undefined {
  const index = references.get(digest)?.index;
  return index === undefined ? undefined : readConfig(store, table, index);
}

function judgeOne(model: ModelRecord, digest: Digest, reading: ConfigReading, report: Report): void {
  const common = { model: model.full, layer: 'config', digest, path: `blobs/${digest.replace(':', '-')}` };
  const removal = typedCommand(['ollama', 'rm', model.short]);
  if (!reading.ok) {
    const why = reading.problems.map((problem) => problem.detail).join('; ');
    report({
      rule: 'config-ambiguous',
      ...common,
      message: `the config of ${model.short} is refused: ${why}`,
      hint: removal,
    });
    model.mark('altered');
  } else if (reading.config.remoteHost !== undefined) {
    const host = reading.config.remoteHost;
    const message = `${model.short} is remote: prompts leave this machine, to ${host}`;
    report({ rule: 'model-remote', ...common, actual: host, message, hint: removal });
  } else if (model.remoteStub) {
    const message = `the manifest of ${model.short} has no layers, and its config names no remote host`;
    report({
      rule: 'manifest-ambiguous',
      ...common,
      message,
      hint: typedCommand(['ollama', 'pull', model.short]),
    });
    model.mark('altered');
  }
}
