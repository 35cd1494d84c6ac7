import { type Digest, digestHex } from '../oci/index.ts';
import { printable, shownSize } from '../report/index.ts';
import type { TransferEntry, TransferRecord } from './transfer-record.ts';

/** Lines of a page, and characters of a line: A4 and Letter, 10 point, any printer. */
const pageLines = 60;
const lineWidth = 78;
const labelWidth = 13;

export interface SheetFacts {
  readonly record: TransferRecord;
  /** What was written, or read: file names, for people. */
  readonly file: string;
  readonly models: readonly { readonly name: string; readonly id: string; readonly bytes: number }[];
  readonly list: { readonly listId: string; readonly version: number; readonly digest: Digest } | undefined;
}

const labelled = (label: string, value: string): string =>
  [...`${label.padEnd(labelWidth)}${printable(value)}`].slice(0, lineWidth).join('');

/** The end of a path that is too long: the name of the file is what a person looks for. */
function endOf(path: string): string {
  const characters = [...printable(path)];
  const room = lineWidth - labelWidth;
  return characters.length <= room ? path : `...${characters.slice(3 - room).join('')}`;
}

/** 64 digits in two lines of four groups: what two people can compare over the telephone. */
function grouped(digest: Digest): [string, string] {
  const groups = digestHex(digest).match(/.{8}/g) ?? [];
  return [groups.slice(0, 4).join(' '), groups.slice(4).join(' ')];
}

function entryLines({
  entry,
  action,
  time,
  custodian,
  mediaId,
  seal,
  models,
  bytes,
  ...rest
}: TransferEntry): string[] {
  const refused = rest.refused === undefined || rest.refused === 0 ? '' : `, ${rest.refused} refused`;
  const volumes = rest.volumes === undefined ? '' : `, ${rest.volumes.count} volumes`;
  return [
    labelled(`${entry}. ${action}`, `${time} (clock of that side)   key ${rest.signer.id.slice(0, 12)}`),
    labelled('', `${models} models${refused}, ${shownSize(bytes)}${volumes}`),
    ...whoLines([`custodian ${custodian ?? '-'}`, `media ${mediaId ?? '-'}`, `seal ${seal ?? '-'}`]),
  ];
}

/** On one line where they fit: none of them may push another off the page. */
function whoLines(words: readonly string[]): string[] {
  const together = words.join('   ');
  const fits = printable(together).length <= lineWidth - labelWidth;
  return (fits ? [together] : words).map((text) => labelled('', text));
}

/**
 * The transfer on one page, for whoever carries it: what it is, who had it, and places for two signatures. Plain text,
 * and the same numbers that the machines compare.
 */
export function transferSheet({ record, file, models, list }: SheetFacts): string {
  const [first, second] = grouped(record.archive);
  const head = [
    'TRANSFER OF AI MODELS',
    '',
    labelled('archive', first),
    labelled('', second),
    labelled('', 'SHA-256 of verify-models-index.json, its first file'),
    labelled('files', endOf(file)),
    ...(list === undefined ? [] : [labelled('allow-list', `${list.listId} version ${list.version}`)]),
    ...(list === undefined ? [] : grouped(list.digest).map((line) => labelled('', line))),
    '',
  ];
  const tail = [
    '',
    'seal intact on arrival    yes [ ]   no [ ]     media returned / destroyed  [ ]',
    '',
    'handed over by  ______________________  date ______________  sign ___________',
    '',
    'taken over by   ______________________  date ______________  sign ___________',
    '',
  ];
  // The last ends: a page holds no more, and the record itself has them all.
  const entries = record.entries.slice(-6).flatMap(entryLines);
  const room = Math.max(1, pageLines - head.length - tail.length - entries.length - 1);
  const shown = models.length <= room ? models : models.slice(0, room - 1);
  const width = Math.min(40, Math.max(0, ...shown.map(({ name }) => name.length)));
  const modelLines = shown.map(({ name, id, bytes }, at) =>
    labelled(at === 0 ? 'models' : '', `${name.padEnd(width)}  ${id}  ${shownSize(bytes)}`),
  );
  const more =
    shown.length === models.length ? [] : [labelled('', `and ${models.length - shown.length} more`)];
  return `${[...head, ...modelLines, ...more, '', ...entries, ...tail].slice(0, pageLines).join('\n')}\n`;
}
