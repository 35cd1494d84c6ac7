import { rawToText } from '../files/index.ts';
import { type Fact, type RuleId, typedCommand } from '../findings/index.ts';
import type { SecondReading } from '../hash/index.ts';
import { emptyDigest } from '../oci/index.ts';
import { shownSize } from '../report/index.ts';
import type { BlobIndex, BlobTable } from '../store/index.ts';
import { type Anatomy, firstModel, kindOf, modelNames, whoseLayer } from './blame.ts';
import type { Verdict } from './judge-blob.ts';
import type { Reference } from './model-records.ts';
import { repairCommand } from './repair-command.ts';

/** A blob that is not in order, kept until everything was hashed: only then it is known what is still sound. */
export interface BadBlob {
  readonly index: BlobIndex;
  readonly reference: Reference | undefined;
  readonly verdict: Exclude<Verdict, { kind: 'intact' | 'cancelled' }>;
}

/** The rule that a bad blob falls under. */
export function ruleOf(reference: Reference | undefined, verdict: BadBlob['verdict']): RuleId {
  switch (verdict.kind) {
    case 'unstable':
      return 'blob-unstable';
    case 'changed':
      return 'blob-changed';
    case 'unreadable':
      return 'blob-unreadable';
    case 'table-wrong':
      return 'chunk-table-wrong';
    case 'wrong-size':
      return 'blob-wrong-size';
    case 'empty':
      return reference === undefined ? 'orphan-altered' : 'blob-empty';
    case 'altered':
      if (reference === undefined) return 'orphan-altered';
      return verdict.again.zeroBytes === verdict.bytes ? 'blob-zero-filled' : 'blob-altered';
  }
}

/** One bad blob as a finding: which layer of which models, what is still sound, what to type next. */
export function factOfBadBlob(store: string, table: BlobTable, anatomy: Anatomy, bad: BadBlob): Fact {
  const { index, reference, verdict } = bad;
  const path = `blobs/${rawToText(table.fileName(index))}`;
  const subject = reference === undefined ? `${path}, which no manifest names,` : whoseLayer(reference);
  const sound = reference === undefined ? '' : `; ${anatomy.stillSound(reference)}`;
  const rule = ruleOf(reference, verdict);
  return {
    rule,
    model: reference === undefined ? undefined : firstModel(reference)?.full,
    layer: reference === undefined ? undefined : kindOf(reference),
    digest: table.digest(index),
    path,
    ...expectedAndActual(table, index, verdict),
    message: `${subject} ${whatHappened(rule, verdict)}${sound}`,
    hint: nextCommand(`${store}/${path}`, bad),
  };
}

function expectedAndActual(
  table: BlobTable,
  index: BlobIndex,
  verdict: BadBlob['verdict'],
): Pick<Fact, 'expected' | 'actual'> {
  const expected = table.digest(index);
  switch (verdict.kind) {
    case 'wrong-size':
      return { expected: `${verdict.expected}`, actual: `${verdict.bytes}` };
    case 'empty':
      if (verdict.expected === undefined) return { expected, actual: emptyDigest };
      return { expected: `${verdict.expected}`, actual: '0' };
    case 'table-wrong':
      return { expected, actual: pieceList(verdict.pieces) };
    case 'altered':
      return { expected, actual: verdict.actual };
    case 'unstable':
      return { expected, actual: `${verdict.first}, then ${verdict.again.digest}` };
    default:
      return { actual: verdict.problem };
  }
}

function whatHappened(rule: RuleId, verdict: BadBlob['verdict']): string {
  switch (verdict.kind) {
    case 'empty': {
      const expected = verdict.expected ? `, expected ${verdict.expected} bytes` : '';
      return `is an empty file (the digest of nothing is e3b0c442...)${expected}`;
    }
    case 'wrong-size': {
      const missing = verdict.expected - verdict.bytes;
      const how = missing > 0 ? `${shownSize(missing)} too short` : `${shownSize(-missing)} too long`;
      return `has ${verdict.bytes} bytes, expected ${verdict.expected}: ${how}`;
    }
    case 'altered':
      if (rule === 'blob-zero-filled')
        return `has the right size and nothing but zeros in it (${shownSize(verdict.bytes)})`;
      return `is altered (two readings agree)${damagedPart(verdict)}${zeroedPart(verdict.again)}`;
    case 'table-wrong':
      return `has the right digest and not the pieces of the list's chunk table (${pieceList(verdict.pieces)})`;
    case 'unstable':
      return 'gave two different digests in two readings: memory or disk is failing';
    case 'changed':
      return `changed while it was read: ${verdict.problem}`;
    case 'unreadable':
      return `cannot be read: ${verdict.problem}`;
  }
}

const piecesShown = 8;

const pieceList = (numbers: readonly number[]): string => {
  const more = numbers.length > piecesShown ? ` and ${numbers.length - piecesShown} more` : '';
  return `${numbers.length === 1 ? 'piece' : 'pieces'} ${numbers.slice(0, piecesShown).join(', ')}${more}`;
};

/** Which pieces are hit, with the bytes of the first one. */
function damagedPart({ pieces }: BadBlob['verdict'] & { kind: 'altered' }): string {
  const first = pieces?.numbers[0];
  if (pieces === undefined || first === undefined) return '';
  const from = first * pieces.size;
  return `; damaged: ${pieceList(pieces.numbers)} of ${shownSize(pieces.size)} (the first from byte ${from})`;
}

/** Zeroed extents, in bytes from the start of the file; blocks of zeros may also belong there. */
function zeroedPart(again: SecondReading): string {
  if (again.zeroExtentCount === 0) return '';
  const shown = again.zeroExtents.slice(0, 4).map(({ start, end }) => `${start}-${end - 1}`);
  const more =
    again.zeroExtentCount > shown.length ? ` and ${again.zeroExtentCount - shown.length} more` : '';
  return `; all zeros at bytes ${shown.join(', ')}${more} (${shownSize(again.zeroBytes)})`;
}

/** `ollama pull` keeps an altered file and `ollama rm` keeps a shared one: remove the blob, then pull. */
function nextCommand(file: string, { reference, verdict }: BadBlob): string | undefined {
  if (verdict.kind === 'table-wrong') return 'verify-models allow --all, then verify-models sign';
  if (verdict.kind === 'unstable')
    return 'test the memory (memtest86+) and the disk (smartctl -a), then check again';
  if (verdict.kind === 'changed')
    return 'stop what writes there (ollama ps, a running pull), then check again';
  if (verdict.kind === 'unreadable') return typedCommand(['ls', '-l', file]);
  return repairCommand(file, reference === undefined ? [] : modelNames(reference));
}
