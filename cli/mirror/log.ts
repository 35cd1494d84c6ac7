import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AuditEvent,
  type AuditRecord,
  type ChainEnd,
  emptyChain,
  verifyChain,
} from '../../src/audit/index.ts';
import type { AuditRow } from '../../src/catalog/index.ts';
import { readRecord, signersOf, type TransferEntry, type TransferRecord } from '../../src/custody/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { isDigest, shortDigest } from '../../src/oci/index.ts';
import { printable, safeJson, shownSize } from '../../src/report/index.ts';
import type { PublicKey } from '../../src/trust/index.ts';
import { readPublicKeyFile } from '../../src/verify/index.ts';
import { counted } from '../screen/index.ts';
import type { Io } from '../terminal/index.ts';
import { readNamed } from '../transfer/index.ts';
import { dataPathOf, refuseJson, settingsOf, type TypedFlags } from './mirror-settings.ts';
import { type OpenMirror, openMirror } from './open-mirror.ts';
import { stateOf } from './transfer-words.ts';

/** Records that are read from the catalog at once. */
const page = 1000;

/** Characters of one record that are shown. */
const lineLimit = 700;

export interface LogFlags extends TypedFlags {
  readonly known?: readonly string[];
}

/** `model-mirror log [list] | verify [RECORD...]`: the audit log, and records of transfers. */
export async function runLog(
  action: string | undefined,
  records: readonly string[],
  flags: LogFlags,
  io: Io,
): Promise<number> {
  if (action !== undefined && action !== 'list' && action !== 'verify')
    throw new KnownError('USAGE', { problem: `log knows list and verify, not ${action.slice(0, 40)}` });
  const settings = settingsOf(flags, io);
  if (action === 'verify') refuseJson(settings, 'log verify');
  // Read before the mirror is opened: a record can be verified where there is no mirror yet.
  const known = flags.known?.map(readPublicKeyFile);
  const transfers = records.map((path) => ({ path, record: readRecord(readNamed(path), known) }));
  const path = dataPathOf(settings, io);
  if (!existsSync(join(path, 'catalog.sqlite'))) {
    // None is made for it: a log that nobody wrote would be in order.
    const problem = 'there is no mirror in it';
    if (transfers.length === 0) throw new KnownError('DATA_UNUSABLE', { path, problem });
    await io.stdout.write(`log       none was looked at: there is no mirror in ${printable(path)}\n`);
    await tellTransfers({ transfers, known, seen: new Set() }, io);
    return 0;
  }
  const mirror = await openMirror(settings, flags, io);
  try {
    if (action === 'verify') await verify(mirror, { transfers, known }, io);
    else await list(mirror, settings.format === 'json', io);
    return 0;
  } finally {
    await mirror.close();
  }
}

async function* rows({ catalog }: OpenMirror): AsyncGenerator<AuditRow> {
  for (let after = 0; ; ) {
    const some = await catalog.audit(after, page);
    yield* some;
    if (some.length < page) return;
    after = some.at(-1)?.seq ?? after;
  }
}

async function list(mirror: OpenMirror, json: boolean, io: Io): Promise<void> {
  let count = 0;
  for await (const row of rows(mirror)) {
    count += 1;
    await io.stdout.write(`${json ? safeJson({ ...row, event: recordOf(row).event }) : listed(row)}\n`);
  }
  if (!json) await io.stdout.write(`${counted(count, 'record')}\nnext: model-mirror log verify\n`);
}

/** @throws KnownError LOG_BROKEN */
function listed(row: AuditRow): string {
  const { seq, time, event } = recordOf(row);
  try {
    return printable(`${`${seq}`.padStart(6)}  ${time}  ${said(event)}`, lineLimit);
  } catch (error) {
    // A mirror writes none that it cannot read.
    throw new KnownError('LOG_BROKEN', { seq, problem: 'its event is none of a mirror' }, error);
  }
}

/** A record in a few words. */
function said(event: AuditEvent): string {
  switch (event.kind) {
    case 'admitted':
      return `admitted ${event.model} from ${event.source}, ${shownSize(event.bytes)}`;
    case 'refused':
      return `${event.served ? 'would have refused' : 'refused'} ${event.model}: ${event.reason}`;
    case 'folded':
      return `folded ${foldedWords(event)}, since ${event.since}`;
    case 'moved':
      return `moved ${event.model}: ${shortDigest(event.expected)} -> ${shortDigest(event.found)}`;
    case 'list-accepted':
      return `list ${event.listId} version ${event.version} in force`;
    case 'list-ended':
      return `list ${event.listId} version ${event.version} no more in force: ${event.reason}`;
    case 'exported':
    case 'imported':
      return `${event.kind} ${shortDigest(event.archive)}: ${counted(event.models, 'model')}, ${event.refused} refused, ${shownSize(event.bytes)}`;
    default:
      return `${event.kind} blob ${shortDigest(event.blob)}`;
  }
}

/** Requests that stand in no record of their own: what strangers ask for is recorded at a bounded rate. */
interface Folded {
  readonly refused: number;
  readonly served: number;
}

function foldedWords({ refused, served }: Folded): string {
  const requests = counted(refused, 'refused request');
  return served === 0 ? requests : `${requests} and ${served} that would have been refused`;
}

interface Named {
  readonly path: string;
  readonly record: TransferRecord;
}

interface Transfers {
  readonly transfers: readonly Named[];
  /** Keys of both ends, where a person named them. */
  readonly known: readonly PublicKey[] | undefined;
}

/** A record of an audit log, as the entry of a transfer record names it. */
const anchorOf = ({ seq, hash }: { readonly seq: number; readonly hash: string }): string => `${seq} ${hash}`;

const anchorsOf = ({ audit }: TransferEntry): string[] => (audit === undefined ? [] : [anchorOf(audit)]);

/** @throws KnownError LOG_BROKEN, RECORD_BROKEN */
async function verify(mirror: OpenMirror, { transfers, known }: Transfers, io: Io): Promise<void> {
  // Both sides count their records from one: entries of the two may speak of records with the same number.
  const anchors = new Set(transfers.flatMap(({ record }) => record.entries.flatMap(anchorsOf)));
  let end: ChainEnd = emptyChain;
  const seen = new Set<string>();
  let folded: Folded = { refused: 0, served: 0 };
  for await (const row of rows(mirror)) {
    const record = recordOf(row);
    const broken = verifyChain([record], end);
    if (broken !== undefined) throw new KnownError('LOG_BROKEN', { ...broken });
    folded = withFolded(folded, record);
    if (anchors.has(anchorOf(record))) seen.add(anchorOf(record));
    end = record;
  }
  refuseCut(mirror, transfers, seen, end, io);
  await io.stdout.write(
    `log       ${counted(end.seq, 'record')}, each as it was written; the last is ${shortDigest(end.hash)}\n`,
  );
  if (folded.refused + folded.served > 0)
    await io.stdout.write(`folded    ${foldedWords(folded)}: more names came than are recorded one by one\n`);
  await tellTransfers({ transfers, known, seen }, io);
}

/** The sum so far and what one record says. @throws KnownError LOG_BROKEN for a count that is none */
function withFolded(sum: Folded, { seq, event }: AuditRecord): Folded {
  // Whoever can write the catalog can write a chain that follows itself.
  const { kind, refused, served }: Record<string, unknown> = Object(event);
  if (kind !== 'folded') return sum;
  if (isCount(refused) && isCount(served))
    return { refused: sum.refused + refused, served: sum.served + served };
  throw new KnownError('LOG_BROKEN', { seq, problem: 'its event is none of a mirror' });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/**
 * What this mirror signed about its own log must be there: a log whose end was cut off, or written anew, follows itself
 * all the same.
 *
 * @throws KnownError LOG_BROKEN
 */
function refuseCut(
  { data }: OpenMirror,
  transfers: readonly Named[],
  seen: ReadonlySet<string>,
  end: ChainEnd,
  io: Io,
): void {
  const own = signersOf(stateOf(data, io)());
  for (const { record } of transfers)
    for (const { audit, signer } of record.entries) {
      if (audit === undefined || !own.has(signer.id) || seen.has(anchorOf(audit))) continue;
      const problem =
        audit.seq > end.seq
          ? 'it is missing, and a transfer record that was signed here names it'
          : 'it is another one than a transfer record says that was signed here';
      throw new KnownError('LOG_BROKEN', { seq: audit.seq, problem });
    }
}

async function tellTransfers(
  { transfers, known, seen }: Transfers & { readonly seen: ReadonlySet<string> },
  io: Io,
): Promise<void> {
  for (const { path, record } of transfers) {
    await io.stdout.write(
      `record    ${printable(path)}   entries 1 to ${record.entries.length}, each as it was signed; archive ${shortDigest(record.archive)}\n`,
    );
    for (const { entry, action, time, signer, custodian, audit } of record.entries) {
      const here =
        audit !== undefined && seen.has(anchorOf(audit)) ? `; record ${audit.seq} of this log` : '';
      const by = custodian === undefined ? '' : ` by ${custodian}`;
      await io.stdout.write(
        `  ${entry}. ${action} ${time}${printable(by)}   key ${signer.id.slice(0, 12)}${here}\n`,
      );
    }
  }
  if (known === undefined && transfers.length > 0)
    await io.stdout.write(
      'keys      nobody named them: whoever can write a record can make one; --known PUB, once for each end, asks for theirs\n',
    );
  await io.stdout.write('exit status 0 = all is well\nnext: model-mirror log\n');
}

/** A row as it is hashed. What was tampered with may be anything, and then its hash is another one. */
function recordOf({ seq, time, event, previous, hash }: AuditRow): AuditRecord {
  const broken = (problem: string) => new KnownError('LOG_BROKEN', { seq, problem });
  if (!isDigest(previous) || !isDigest(hash)) throw broken('its hashes are no digests');
  try {
    return { seq, time, event: JSON.parse(event) as AuditEvent, previous, hash };
  } catch {
    throw broken('its event is no JSON');
  }
}
