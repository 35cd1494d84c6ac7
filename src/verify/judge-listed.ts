import { type AllowList, type Decision, decide, type LayerChange } from '../allow-list/index.ts';
import { type Fact, typedCommand } from '../findings/index.ts';
import { parseModelName, shortName } from '../oci/index.ts';
import type { Report } from '../store/index.ts';
import type { GatheredModel } from './gather-models.ts';

/** How strictly a list is applied. */
export interface ListStrictness {
  /** Refuse a manifest whose bytes differ although its content is the approved one. */
  readonly exact: boolean;
  /** Accept content that is listed under another name. */
  readonly allowCopies: boolean;
  /** The command that shows what is different from the list. */
  readonly diffCommand: string | undefined;
}

/** Holds each model against the list: marks what is not approved, and reports at most one fact a model. */
export function judgeListed(
  list: AllowList,
  models: readonly GatheredModel[],
  strictness: ListStrictness,
  report: Report,
): void {
  for (const model of models) {
    const { manifestDigest, manifestSize, name } = model.record;
    // Refused or unreadable for reasons of its own, which were told.
    if (model.manifest === undefined || manifestDigest === undefined) continue;
    const decision = decide(list, { name, manifestDigest, manifestSize, manifest: model.manifest });
    const fact = factOf(model, decision, strictness);
    if (fact !== undefined) report(fact);
  }
}

const shown = (full: string): string => shortName(parseModelName(full));

function factOf(model: GatheredModel, decision: Decision, strictness: ListStrictness): Fact | undefined {
  const { record } = model;
  const path = `manifests/${record.full.replace(/:([^:]*)$/, '/$1')}`;
  const common = { model: record.full, path, actual: record.manifestDigest };
  switch (decision.kind) {
    case 'listed':
      return undefined;
    case 'rewritten':
      if (strictness.exact) break;
      return {
        rule: 'manifest-rewritten',
        ...common,
        expected: decision.model.manifest.digest,
        message: `the manifest of ${record.short} was written again; its config and layers are the approved ones`,
      };
    case 'copy':
      if (strictness.allowCopies) return undefined;
      record.mark('untrusted');
      return {
        rule: 'model-copy',
        ...common,
        message: `${record.short} is not on the allow-list; its content is that of ${decision.of.map(shown).join(', ')}`,
        hint: typedCommand(['ollama', 'rm', record.short]),
      };
    case 'not-listed':
      record.mark('untrusted');
      return {
        rule: 'model-not-listed',
        ...common,
        message: `${record.short} is not on the allow-list${nearSentence(decision.near)}`,
        hint: typedCommand(['ollama', 'rm', record.short]),
      };
    case 'differs':
      break;
  }
  record.mark('altered');
  const changes = decision.kind === 'differs' ? decision.changes : [];
  const what = decision.kind === 'differs' ? differences(changes) : 'its manifest was written again';
  return {
    rule: 'model-not-as-listed',
    ...common,
    layer: changes[0]?.kind,
    expected: decision.model.manifest.digest,
    message: `${record.short} is not what was approved: ${what}`,
    hint: strictness.diffCommand,
  };
}

const nearSentence = (near: readonly string[]): string =>
  near.length === 0 ? '' : `; it could be taken for ${near.map(shown).join(', ')}, which is`;

/** Layers that one message names. */
const layersShown = 6;

function differences(changes: readonly LayerChange[]): string {
  // In another order, of another media type or size, or beside keys of the manifest that mean something else.
  if (changes.length === 0) return 'its manifest describes the same layers otherwise';
  const words = changes.map(({ kind, before, after }) => {
    if (before === undefined) return `the ${kind} was added`;
    return after === undefined ? `the ${kind} is gone` : `the ${kind} is another one`;
  });
  const more = words.length > layersShown ? ` and ${words.length - layersShown} more` : '';
  return `${words.slice(0, layersShown).join(', ')}${more}`;
}
