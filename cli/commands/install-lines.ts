import { explainExitStatus } from '../../src/findings/index.ts';
import { shortDigest, shortName } from '../../src/oci/index.ts';
import { printable, shownSize } from '../../src/report/index.ts';
import type { InstallOutcome } from '../../src/transfer/index.ts';
import { type KeptRecord, recordLines } from '../transfer/index.ts';
import { nextLine, type TypedFlags } from './context.ts';

export interface Installed {
  readonly outcome: InstallOutcome;
  /** Who sent it. */
  readonly sender: string;
  /** Where the transfer record is; undefined in a dry run. */
  readonly kept: KeptRecord | undefined;
  readonly dryRun: boolean;
  readonly status: number;
  readonly flags: TypedFlags;
  /** The words of the command to type next. */
  readonly next: readonly string[];
}

/** What an installation did, or would do: a line for each model, then what belongs to the whole. */
export function* installedLines({
  outcome,
  sender,
  kept: records,
  dryRun,
  status,
  flags,
  next,
}: Installed): Generator<string> {
  const { archive, models, refused, taken, renewal } = outcome;
  const quiet = flags.quiet === true;
  if (!quiet) {
    yield `archive   ${shortDigest(archive)}   ${printable(sender)}\n`;
    const verb = dryRun ? 'would install' : 'installed';
    for (const { name, digest, bytes, known, kept } of models) {
      yield `${known ? 'here     ' : verb} ${printable(shortName(name))}   ${shortDigest(digest)}   ${shownSize(bytes)}\n`;
      for (const place of kept) yield `  kept    ${printable(place)}\n`;
    }
  }
  for (const { name, sentence } of refused)
    yield `refused   ${printable(shortName(name))}   ${printable(sentence)}\n`;
  if (quiet && status === 0) return;
  if (renewal !== undefined && !renewal.unchanged)
    yield `list      ${printable(renewal.list.listId)} version ${renewal.list.version} taken, approved by ${renewal.summary.signers.map((name) => printable(name)).join(', ')}, until ${renewal.summary.expires.toISOString().slice(0, 10)}\n`;
  if (renewal?.firstContact === true)
    yield `          first contact: compare its digest with what the signers say: ${renewal.summary.digest}\n`;
  if (records !== undefined) yield* recordLines(records);
  const known = models.filter((model) => model.known).length;
  const words = dryRun ? ['would be installed', 'would be taken'] : ['installed', 'taken'];
  yield `${models.length - known} ${words[0]}, ${known} here already, ${refused.length} refused; ${shownSize(taken)} ${words[1]}\n`;
  yield `exit status ${explainExitStatus(status)}\n`;
  yield nextLine(next, flags);
}
