import { shortDigest, shortName } from '../../src/oci/index.ts';
import { printable, shownSize } from '../../src/report/index.ts';
import type { ImportOutcome } from '../../src/transfer/index.ts';
import { counted } from '../screen/index.ts';
import { type KeptRecord, recordLines } from '../transfer/index.ts';

export interface Imported {
  readonly outcome: ImportOutcome;
  /** Who sent it. */
  readonly sender: string;
  /** Where the transfer record is. */
  readonly kept: KeptRecord;
  /** What else was kept. */
  readonly files: readonly string[];
}

/** What an import did: a line for each model, then what belongs to the whole. */
export function importedLines({ outcome, sender, kept, files }: Imported, onlyFailures: boolean): string {
  const { archive, models, refused, taken, blobs, renewal } = outcome;
  const refusals = refused.map(
    ({ name, sentence }) => `refused   ${printable(shortName(name))}   ${printable(sentence)}`,
  );
  if (onlyFailures) return `${refusals.join('\n')}\n`;
  const known = models.filter((model) => model.known).length;
  const list =
    renewal === undefined || renewal.unchanged
      ? []
      : [
          `list      ${printable(renewal.list.listId)} version ${renewal.list.version} taken, approved by ${renewal.summary.signers.map((name) => printable(name)).join(', ')}, until ${renewal.summary.expires.toISOString().slice(0, 10)}`,
        ];
  const first =
    renewal?.firstContact === true
      ? [`          first contact: compare its digest with what the signers say: ${renewal.summary.digest}`]
      : [];
  const lines = [
    `archive   ${shortDigest(archive)}   ${printable(sender)}`,
    ...models.map(
      ({ name, digest, bytes, known: here }) =>
        `${here ? 'here     ' : 'imported '} ${printable(shortName(name))}   ${shortDigest(digest)}   ${shownSize(bytes)}`,
    ),
    ...refusals,
    ...list,
    ...first,
    ...files.map((path) => `kept      ${printable(path)}`),
    ...[...recordLines(kept)].map((line) => line.trimEnd()),
    `${models.length - known} imported, ${known} here already, ${refused.length} refused; ${counted(blobs.taken, 'blob')} taken, ${shownSize(taken)}, ${blobs.here} were here`,
    '',
  ];
  return lines.join('\n');
}
