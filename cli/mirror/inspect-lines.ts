import { blobsOf } from '../../src/admission/index.ts';
import { type ArchiveIndex, shownNumbers } from '../../src/archive/index.ts';
import { type ArchiveFacts, readRecordOf, type TransferRecord } from '../../src/custody/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type Digest, fullName, shortDigest, shortName } from '../../src/oci/index.ts';
import { printable, shownSize } from '../../src/report/index.ts';
import type { DescribedArchiveModel } from '../../src/transfer/index.ts';
import { diffText, movedText } from '../screen/index.ts';
import type { Approvals, ChangesHere } from './inspect-changes.ts';

/** What was seen of an archive; what needs volumes that are not at hand is undefined. */
export interface Inspected {
  readonly path: string;
  readonly id: Digest;
  readonly volumes?:
    | { readonly count: number; readonly numbers: readonly number[]; readonly verified: boolean }
    | undefined;
  readonly index?: ArchiveIndex;
  /** Bytes of the archive. */
  readonly total?: number;
  readonly sender?: string;
  readonly record?: TransferRecord | string | undefined;
  readonly models?: readonly DescribedArchiveModel[];
  readonly changes?: ChangesHere;
  /** Every byte was held against the index. */
  readonly whole?: boolean;
}

/** The record beside an archive, or what is wrong with it: also where it tells of another one. Undefined for none. */
export function recordOf(bytes: Buffer, id: Digest, said: ArchiveFacts): TransferRecord | string | undefined {
  if (bytes.length === 0) return undefined;
  try {
    return readRecordOf(bytes, id, said);
  } catch (error) {
    if (error instanceof KnownError) return error.message;
    throw error;
  }
}

const bytesOf = ({ checked }: DescribedArchiveModel): number =>
  checked === undefined ? 0 : blobsOf(checked.manifest).reduce((sum, { size }) => sum + size, 0);

export function* inspectedLines(inspected: Inspected, color: boolean): Generator<string> {
  const { path, id, index, sender, models, changes, whole, total = 0 } = inspected;
  const size = index === undefined ? '' : `   ${index.entries.length} files, ${shownSize(total)}`;
  yield `archive   ${shortDigest(id)}   ${printable(path)}${size}\n`;
  yield* volumeLines(inspected);
  if (sender !== undefined) yield `sender    ${printable(sender)}\n`;
  yield* recordLines(inspected.record);
  if (index === undefined) return;
  yield `list      ${index.list === undefined ? 'none' : `${printable(index.list.listId)} version ${index.list.version}, ${index.list.digest}`}\n`;
  if (changes?.verdict !== undefined) yield `          ${printable(changes.verdict)}\n`;
  if (changes?.approvals !== undefined) yield approvedLine(changes.approvals);
  if (index.since !== undefined)
    yield `since     ${shortDigest(index.since)}: ${index.leftOut.length} blobs are left out, ${shownSize(index.leftOut.reduce((sum, blob) => sum + blob.size, 0))}\n`;
  for (const { name } of index.entries.filter(({ kind }) => kind === 'bom' || kind === 'tool'))
    yield `with      ${printable(name)}\n`;
  for (const model of models ?? [])
    yield `model     ${printable(shortName(model.name))}   ${shortDigest(model.digest)}   ${model.checked === undefined ? 'its manifest is refused' : shownSize(bytesOf(model))}\n`;
  if (whole === true) yield 'bytes     every file is what the index says\n';
  if (changes !== undefined) yield* changeLines(changes, color);
}

function approvedLine({ proven, signers, expires }: Approvals): string {
  const names = signers.map((name) => printable(name)).join(', ');
  if (proven) return `approved  by ${names}, until ${expires?.toISOString().slice(0, 10)}\n`;
  if (signers.length === 0) return 'approved  by nobody\n';
  return `approved  by ${names}, as its approvals say: --allow-list FILE with --key PUB or --trust FILE asks them\n`;
}

function* volumeLines({ volumes }: Inspected): Generator<string> {
  if (volumes === undefined) return;
  const { count, numbers, verified } = volumes;
  const here = new Set(numbers);
  const missing = Array.from({ length: count }, (_, at) => at + 1).filter((number) => !here.has(number));
  yield `volumes   ${shownNumbers(numbers)} of ${count}${verified ? ', each as its sums say' : ''}\n`;
  if (missing.length > 0) yield `missing   ${shownNumbers(missing)}\n`;
}

function* recordLines(record: Inspected['record']): Generator<string> {
  if (record === undefined) return;
  if (typeof record === 'string') {
    yield `record    ${printable(record)}\n`;
    return;
  }
  for (const { entry, action, time, custodian, mediaId, seal, signer } of record.entries)
    yield `record    ${entry}. ${action} ${time}   ${printable([custodian, mediaId, seal].filter((word) => word !== undefined).join(', ') || 'nobody named')}   key ${signer.id.slice(0, 12)}\n`;
}

function* changeLines({ lists, models, refused }: ChangesHere, color: boolean): Generator<string> {
  yield '\nwhat an import would change here:\n';
  if (lists !== undefined) yield* diffText(lists, color);
  const { added, unchanged } = models.difference;
  for (const { name } of added) yield `new       ${printable(name)}\n`;
  // A list shows the same layers.
  if (lists === undefined) for (const model of models.moved) yield* movedText(model, color);
  else for (const { name } of models.moved) yield `changed   ${printable(name)}\n`;
  if (unchanged > 0) yield `here      ${unchanged} of its models, as they are\n`;
  for (const { sentence } of refused) yield `refused   ${printable(sentence)}\n`;
}

/** The same for programs. */
export function inspectedDocument({
  path,
  id,
  volumes,
  index,
  sender,
  record,
  models,
  changes,
  whole,
}: Inspected): object {
  return {
    schema: 'urn:model-mirror:inspect:v1',
    ...{ path, archive: id, volumes: volumes ?? null, sender: sender ?? null, whole: whole ?? false },
    list: index?.list ?? null,
    since: index?.since ?? null,
    leftOut: index?.leftOut ?? [],
    files: index?.entries.map(({ name, size, digest }) => ({ name, size, digest })) ?? null,
    models:
      models?.map((model) => ({
        name: fullName(model.name),
        manifestDigest: model.digest,
        bytes: bytesOf(model),
      })) ?? null,
    record:
      typeof record === 'string'
        ? { problem: record }
        : (record?.entries.map(({ signer, ...entry }) => ({ ...entry, key: signer.id })) ?? null),
    verdict: changes?.verdict ?? null,
    approvals:
      changes?.approvals === undefined
        ? null
        : { ...changes.approvals, expires: changes.approvals.expires ?? null },
    changes:
      changes === undefined
        ? null
        : {
            new: changes.models.difference.added.map(({ name }) => name),
            changed: changes.models.moved.map(({ name }) => name),
            unchanged: changes.models.difference.unchanged,
            refused: changes.refused.map(({ name, sentence }) => ({ name: fullName(name), sentence })),
          },
  };
}
