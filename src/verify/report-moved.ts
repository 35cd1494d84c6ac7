import { describeCause, systemCode } from '../errors/index.ts';
import { difference, identityOf, textToRaw } from '../files/index.ts';
import type { OllamaStore, Report } from '../store/index.ts';
import type { ModelRecord } from './model-records.ts';

/**
 * Looks at each manifest again, once all blobs were read. A pull that ended meanwhile has written another one and
 * deleted blobs of the one before: that is no missing blob, and no proof of the new model either.
 */
export function reportMoved(store: OllamaStore, models: readonly ModelRecord[], report: Report): void {
  for (const model of models) {
    const what = whatMoved(store, model);
    if (what === undefined) continue;
    model.moved = true;
    model.mark('unchecked');
    report({
      rule: 'manifest-unreadable',
      model: model.full,
      path: pathOf(model),
      actual: what,
      message: `the manifest of ${model.short} changed while the store was read (${what}); what was found is about the one before`,
      hint: 'stop what writes there (ollama ps, a running pull), then check again',
    });
  }
}

const pathOf = (model: ModelRecord): string => `manifests/${model.full.replace(/:([^:]*)$/, '/$1')}`;

function whatMoved(store: OllamaStore, model: ModelRecord): string | undefined {
  const { manifestState } = model;
  if (manifestState === undefined) return undefined;
  try {
    const field = difference(manifestState, identityOf(store.manifestStat(textToRaw(pathOf(model)))));
    return field === undefined ? undefined : `its ${field} moved`;
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? 'it is gone' : describeCause(error);
  }
}
