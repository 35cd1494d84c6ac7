import type { ListedDescriptor, ListedModel } from '../../src/allow-list/index.ts';
import { parseModelName, shortDigest, shortName } from '../../src/oci/index.ts';
import { diffLines, printable, renderTextDiff, shownSize } from '../../src/report/index.ts';
import type { DescribedLayer, DescribedModel } from '../../src/verify/index.ts';
import { shownGgufChanges } from './gguf-changes.ts';

const shown = (full: string): string => printable(shortName(parseModelName(full)));

/** One model whose content moved: its manifest, then each layer that is another one, its text where it has one. */
export function* movedText(model: DescribedModel, color: boolean): Generator<string> {
  const { name, before, after, layers, restated } = model;
  yield `changed  ${shown(name)}   manifest ${shortDigest(before.manifest.digest)} -> ${shortDigest(after.manifest.digest)}\n`;
  if (layers.length + restated.length === 0) {
    yield sameContent(before, after)
      ? '  the manifest was written again; config and layers are the same\n'
      : '  the same layers, in another order\n';
  }
  for (const { kind, what, before: old, after: now } of restated)
    yield `  ${kind.padEnd(9)} ${what} ${printable(old ?? 'none')} -> ${printable(now ?? 'none')}\n`;
  for (const layer of layers) yield* layerText(layer, color);
}

/** Config and layers equal in order, media type, size and name; chunk tables are told apart on their own. */
function sameContent(before: ListedModel, after: ListedModel): boolean {
  const text = ({ config, layers }: ListedModel) =>
    JSON.stringify(
      [config, ...layers].map((entry) => [entry.mediaType, entry.digest, entry.size, entry.name]),
    );
  return text(before) === text(after);
}

function* layerText({ kind, before, after, content }: DescribedLayer, color: boolean): Generator<string> {
  const side = (entry: ListedDescriptor | undefined) =>
    entry === undefined ? 'none' : `${shortDigest(entry.digest)} (${shownSize(entry.size)})`;
  yield `  ${printable(kind).padEnd(9)} ${side(before)} -> ${side(after)}\n`;
  if (content.kind === 'unread') {
    yield `    nothing to read: ${printable(content.problem)}\n`;
    return;
  }
  const oneSided = before === undefined || after === undefined || content.unreadBefore !== undefined;
  if (content.unreadBefore !== undefined)
    yield `    before: ${printable(content.unreadBefore)}; this is all of what it is now\n`;
  if (content.kind === 'metadata') {
    const { changes, header } = content;
    for (const change of header) yield `    ${change.what}: ${change.before} -> ${change.after}\n`;
    // Only what was read on both sides can be called the same; what else differs was not looked at.
    if (changes.length + header.length === 0)
      yield oneSided
        ? '    it has no metadata\n'
        : '    its metadata, GGUF version and count of tensors are the same; other bytes differ\n';
    yield* shownGgufChanges(changes, color);
  } else if (oneSided && content.before === content.after) yield '    it is empty\n';
  else if (content.before === content.after) yield '    the texts read alike, and their bytes differ\n';
  else {
    for (const line of renderTextDiff(diffLines(content.before, content.after), { color }))
      yield `    ${line}`;
  }
}
