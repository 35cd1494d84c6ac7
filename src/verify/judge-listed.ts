import { type AllowList, type Decision, decide, type LayerChange } from '../allow-list/index.ts';
import { typedCommand } from '../findings/index.ts';
import { fullName, parseModelName, shortName } from '../oci/index.ts';
import type { Report } from '../store/index.ts';
import type { GatheredModel } from './gather-models.ts';

/** How strictly a list is applied. */
export interface ListStrictness {
  /** Refuse a manifest whose bytes differ although its content is the approved one. */
  readonly exact: boolean;
  /** Accept content that is listed under another name. */
  readonly allowCopies: boolean;
  /** Every listed model must be there. */
  readonly requireAll: boolean;
  /** Listed models that were named on the command line, in full: they must be there. */
  readonly named: ReadonlySet<string>;
}

/** Holds each model against the list, and the list against the store; marks the models and reports. */
export function judgeListed(
  list: AllowList,
  models: readonly GatheredModel[],
  strictness: ListStrictness,
  whole: boolean,
  report: Report,
): void {
  const present = new Set<string>();
  for (const model of models) {
    const { manifestDigest, name } = model.record;
    if (model.manifest === undefined || manifestDigest === undefined) {
      // Refused or unreadable for reasons of its own; its listed name is there all the same.
      present.add(listedName(list, model));
      continue;
    }
    const decision = decide(list, { name, manifestDigest, manifest: model.manifest });
    if ('listedAs' in decision) present.add(decision.listedAs);
    reportDecision(model, decision, strictness, report);
  }
  reportAbsent(list, present, strictness, whole, report);
}

function listedName(list: AllowList, { record }: GatheredModel): string {
  const host = list.aliases.get(record.name.host);
  return host === undefined ? record.full : fullName({ ...record.name, host });
}

function reportDecision(
  model: GatheredModel,
  decision: Decision,
  strictness: ListStrictness,
  report: Report,
): void {
  const { record } = model;
  const path = `manifests/${record.full.replace(/:([^:]*)$/, '/$1')}`;
  const common = { model: record.full, path, actual: record.manifestDigest };
  switch (decision.kind) {
    case 'listed':
      return;
    case 'rewritten':
      if (strictness.exact) break;
      report({
        rule: 'manifest-rewritten',
        ...common,
        expected: decision.model.manifest.digest,
        message: `the manifest of ${record.short} was written again; its config and layers are the approved ones`,
      });
      return;
    case 'copy':
      if (strictness.allowCopies) return;
      report({
        rule: 'model-copy',
        ...common,
        message: `${record.short} is not listed; its content is that of ${decision.of.map(shown).join(', ')}`,
        hint: typedCommand(['ollama', 'rm', record.short]),
      });
      record.mark('untrusted');
      return;
    case 'not-listed':
      report({
        rule: 'model-not-listed',
        ...common,
        message: `${record.short} is not on the allow-list${nearSentence(decision.near)}`,
        hint: typedCommand(['ollama', 'rm', record.short]),
      });
      record.mark('untrusted');
      return;
    case 'differs':
      break;
  }
  record.mark('altered');
  report({
    rule: 'model-not-as-listed',
    ...common,
    layer: 'changes' in decision ? decision.changes[0]?.kind : undefined,
    expected: decision.model.manifest.digest,
    message: `${record.short} is not what was approved: ${differences('changes' in decision ? decision.changes : [])}`,
    hint: 'verify-models diff allow-list.json   (shows what is different)',
  });
}

const nearSentence = (near: readonly string[]): string =>
  near.length === 0 ? '' : `; it could be taken for ${near.map(shown).join(', ')}, which is`;

function differences(changes: readonly LayerChange[]): string {
  if (changes.length === 0) return 'the bytes of its manifest differ, and nothing that it names';
  const words = changes.map(({ kind, before, after }) => {
    if (before === undefined) return `the ${kind} was added`;
    return after === undefined ? `the ${kind} is gone` : `the ${kind} is another one`;
  });
  return words.slice(0, 6).join(', ');
}

const shown = (full: string): string => shortName(parseModelName(full));

function reportAbsent(
  list: AllowList,
  present: ReadonlySet<string>,
  strictness: ListStrictness,
  whole: boolean,
  report: Report,
): void {
  const absent = [...list.models.keys()].filter((name) => !present.has(name));
  const wanted = absent.filter((name) => strictness.named.has(name) || (whole && strictness.requireAll));
  for (const name of wanted) {
    const hint = typedCommand(['ollama', 'pull', shown(name)]);
    report({
      rule: 'model-missing',
      model: name,
      message: `${shown(name)} is listed and not in the store`,
      hint,
    });
  }
  const others = absent.length - wanted.length;
  if (!whole || others === 0) return;
  const message = `${others} of ${list.models.size} listed models are not in the store`;
  report({ rule: 'model-absent', actual: `${others}`, message });
}
