import { setImmediate } from 'node:timers/promises';
import { rawToText } from '../files/index.ts';
import { typedCommand } from '../findings/index.ts';
import { type ConfigReading, configSizeLimit, type Digest } from '../oci/index.ts';
import type { OllamaStore, Report } from '../store/index.ts';
import { firstModel, whoseLayer } from './blame.ts';
import type { Inventory } from './inventory.ts';
import type { ModelRecord, Reference } from './model-records.ts';
import { readConfigBlob } from './read-config.ts';

/** Configs between two breaths: a signal gets its turn. */
const breath = 64;

/**
 * Reads the config of each model: does it name another host, and can it be trusted to say so? One that was found bad
 * is left alone; one that was proven and then cannot be read as proven says nothing, and its models are unchecked.
 */
export async function judgeConfigs(
  store: OllamaStore,
  inventory: Inventory,
  models: readonly ModelRecord[],
  signal: AbortSignal,
  report: Report,
): Promise<void> {
  const configs = new Map<Digest, ModelRecord[]>();
  for (const model of models) {
    if (model.config === undefined) continue;
    const sharing = configs.get(model.config);
    if (sharing === undefined) configs.set(model.config, [model]);
    else sharing.push(model);
  }
  let count = 0;
  for (const [digest, sharing] of configs) {
    const reference = inventory.references.get(digest);
    if (reference === undefined) continue;
    if (signal.aborted) reference.mark('unchecked');
    else judgeConfig(store, inventory, reference, sharing, report);
    count += 1;
    if (count % breath === 0) await setImmediate();
  }
}

function judgeConfig(
  store: OllamaStore,
  { table }: Inventory,
  reference: Reference,
  sharing: readonly ModelRecord[],
  report: Report,
): void {
  const { index, digest, intact, unhashed } = reference;
  if (index === undefined || !(intact || unhashed)) return;
  const blob = readConfigBlob(store, table, index);
  if (blob.kind === 'read') {
    // Larger than any config and not hashed: nothing is known of it.
    if (!blob.reading.ok && !intact && table.size(index) > configSizeLimit) return;
    for (const model of sharing) judgeOne(model, digest, blob.reading, report);
  } else if (intact) {
    reference.mark('unchecked');
    const problem = blob.kind === 'unreadable' ? blob.problem : 'other bytes were read a moment later';
    report({
      rule: 'blob-changed',
      model: firstModel(reference)?.full,
      layer: 'config',
      digest,
      path: `blobs/${rawToText(table.fileName(index))}`,
      actual: problem,
      message: `${whoseLayer(reference)} was right and could not be read for its content: ${problem}`,
    });
  }
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
