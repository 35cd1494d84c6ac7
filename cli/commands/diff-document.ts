import type { AllowList, ListedDescriptor, ListedModel } from '../../src/allow-list/index.ts';
import { diffLines } from '../../src/report/index.ts';
import type { DescribedLayer, LayerContent } from '../../src/verify/index.ts';
import { type Comparison, totalSize } from '../screen/index.ts';

/** A difference for programs: everything that the screen shows, and nothing cut. */
export function diffDocument(comparison: Comparison): object {
  const { before, after, difference, moved, aliases, entries, unreadable, unseen } = comparison;
  const { added, removed, unchanged } = difference;
  return {
    schema: 'urn:verify-models:diff:v1',
    before: header(before),
    after: after === undefined ? null : header(after),
    added: added.map(summary),
    removed: removed.map(summary),
    changed: moved.map(({ name, before: old, after: now, layers, restated }) => ({
      name,
      before: old.manifest.digest,
      after: now.manifest.digest,
      layers: layers.map(layerDocument),
      restated,
    })),
    aliases,
    entries,
    unreadable,
    unseen,
    unchanged,
  };
}

const header = ({ listId, version }: AllowList) => ({ listId, version });

const summary = ({ name, model }: { readonly name: string; readonly model: ListedModel }) => ({
  name,
  manifestDigest: model.manifest.digest,
  bytes: totalSize(model),
});

function layerDocument({ kind, before, after, content }: DescribedLayer) {
  const side = (entry: ListedDescriptor | undefined) =>
    entry === undefined ? null : { digest: entry.digest, size: entry.size };
  return { layer: kind, before: side(before), after: side(after), ...contentDocument(content) };
}

function contentDocument(content: LayerContent) {
  if (content.kind === 'unread') return { unread: content.problem };
  const { unreadBefore } = content;
  const what =
    content.kind === 'texts'
      ? { text: diffLines(content.before, content.after).filter(({ kind }) => kind !== 'same') }
      : { header: content.header, metadata: content.changes.map(plainChange) };
  return { ...what, ...(unreadBefore === undefined ? {} : { unreadBefore }) };
}

type GgufChanges = Extract<LayerContent, { kind: 'metadata' }>['changes'];

/** Numbers that JSON does not have, or that its readers would round, as texts. */
function plainChange(change: GgufChanges[number]): object {
  const plain = (value: unknown) =>
    typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
      ? String(value)
      : Object.is(value, -0)
        ? '-0'
        : value;
  return JSON.parse(JSON.stringify(change, (_, value: unknown) => plain(value))) as object;
}
