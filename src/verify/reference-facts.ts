import { typedCommand } from '../findings/index.ts';
import { blobFileName, type Report } from '../store/index.ts';
import { type Anatomy, firstModel, kindOf, modelNames, whoseLayer } from './blame.ts';
import type { Reference, References } from './model-records.ts';
import { repairCommand } from './repair-command.ts';

/**
 * Reports what the manifests name and `blobs/` does not hold, or holds behind something that cannot be hashed, or
 * holds in another size than one of them says.
 */
export function reportReferences(
  references: References,
  sizeOf: (reference: Reference) => number | undefined,
  anatomy: Anatomy,
  store: string,
  report: Report,
): void {
  for (const reference of references) {
    if (reference.index !== undefined) reportWrongSizes(reference, sizeOf(reference), report);
    else if (reference.obstacle !== undefined) reportObstacle(reference, anatomy, store, report);
    else if (reference.firm && !reference.unhashed) reportMissing(reference, anatomy, report);
  }
}

/** Marks the models before anything is reported, so that `stillSound` and the verdicts know all of it. */
export function markReferences(references: References, complete: boolean): void {
  for (const reference of references) {
    if (reference.index !== undefined) continue;
    if (!complete && reference.obstacle === undefined) {
      reference.unhashed = true;
      reference.mark('unchecked');
      continue;
    }
    if (reference.obstacle === undefined || reference.obstacle.rule === 'blob-missing') {
      if (reference.firm) reference.mark('missing');
    } else reference.mark('unchecked');
  }
}

function common(reference: Reference) {
  const model = firstModel(reference);
  return {
    model: model?.full,
    layer: kindOf(reference),
    digest: reference.digest,
    path: `blobs/${blobFileName(reference.digest)}`,
    names: modelNames(reference),
  };
}

function reportMissing(reference: Reference, anatomy: Anatomy, report: Report): void {
  const { names, ...facts } = common(reference);
  const message = `${whoseLayer(reference)} is missing; ${anatomy.stillSound(reference)}`;
  report({
    rule: 'blob-missing',
    ...facts,
    expected: reference.digest,
    message,
    hint: repairCommand(undefined, names),
  });
}

function reportObstacle(reference: Reference, anatomy: Anatomy, store: string, report: Report): void {
  const obstacle = reference.obstacle;
  if (obstacle === undefined) return;
  const { names, ...facts } = common(reference);
  const message = `${whoseLayer(reference)}: ${obstacle.message}; ${anatomy.stillSound(reference)}`;
  const { path } = obstacle;
  const file = `${store}/${path}`;
  const repair =
    obstacle.rule === 'blob-unreadable'
      ? typedCommand(['ls', '-l', file])
      : repairCommand(file, names, obstacle.actual === 'directory');
  const hint = obstacle.hint ?? repair;
  report({ rule: obstacle.rule, ...facts, path, actual: obstacle.actual, message, hint });
}

/** The bytes are right and a manifest gives them another size: that manifest is wrong. */
function reportWrongSizes(reference: Reference, actual: number | undefined, report: Report): void {
  if (!reference.intact || actual === undefined) return;
  for (const { model, size, kind } of reference.uses) {
    if (size === undefined || size === actual) continue;
    model.mark('altered');
    report({
      rule: 'manifest-size-wrong',
      model: model.full,
      layer: kind,
      digest: reference.digest,
      path: `manifests/${model.full.replace(/:([^:]*)$/, '/$1')}`,
      expected: `${actual}`,
      actual: `${size}`,
      message: `the manifest of ${model.short} gives its ${kind} ${size} bytes; the blob has ${actual} and the right digest`,
      hint: typedCommand(['ollama', 'pull', model.short]),
    });
  }
}
