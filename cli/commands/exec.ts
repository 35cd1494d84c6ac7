import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { WatchedStore } from '../../src/launch/index.ts';
import { type CheckReport, printable, renderText, shownSize } from '../../src/report/index.ts';
import { type CheckRequest, openList, type Sealing } from '../../src/verify/index.ts';
import {
  type Io,
  openReportFiles,
  type ReportFile,
  type TerminationLog,
  terminationLine,
} from '../terminal/index.ts';
import { checkInto, reportInto, requestOf } from './check.ts';
import { counted, refuseFormats, settingsOf, storeOf, type TypedFlags } from './context.ts';
import { refuseLapsed } from './lapsed-list.ts';
import { leave } from './last-word.ts';
import { leavesUnread, listRequestOf, refuseListNonsense } from './list-request.ts';
import { mendForStart } from './on-fail.ts';
import { sealingOf } from './sealing-of.ts';
import {
  accountFor,
  findCommand,
  homeOf,
  refuseAlteredWords,
  refuseReadOtherwise,
  startCommand,
} from './start-command.ts';
import { surroundingsOf } from './swappable.ts';

/**
 * `verify-models exec -- COMMAND...`: checks the whole store, then becomes the command: same process, same signals,
 * its own exit status. When the check fails nothing is started.
 */
export async function runExec(
  command: readonly string[],
  flags: TypedFlags,
  io: Io,
  log: TerminationLog,
): Promise<number> {
  refuseFormats(flags, 'exec');
  const settings = settingsOf(flags, io);
  refuseListNonsense(settings, flags);
  const partial = settings['first-failure'] === true ? 'first-failure' : leavesUnread(settings);
  if (partial !== undefined) throw usage(`--${partial} leaves bytes unread, and exec guards a start`);
  const [word] = command;
  if (word === undefined)
    throw usage('exec needs a command after --, such as: verify-models exec -- ollama serve');
  const account = settings.user === undefined ? undefined : accountFor(settings.user, io);
  findCommand(word, account, io);
  refuseAlteredWords(word);
  // Where no store is named, the one that the command's user would have.
  const { path: store, named } = await storeOf(settings, io, homeOf(account, io));
  refuseReadOtherwise(store);
  log.keepOutOf(store);
  const files = openReportFiles(settings.report ?? [], store);
  let checked: CheckedStore;
  try {
    const surroundings = surroundingsOf({ settings, flags, named, guarded: true }, io);
    const asked = { ...requestOf([], settings, store, io), ...surroundings };
    const list = await openList({ ...listRequestOf(settings, asked.openState, io.now()), acts: true });
    const request = { ...asked, list };
    checked = await checkOnce(files, request, settings, io);
    if (checked.report.exitCode !== 0) {
      await tellReport(checked.report, settings, io);
      const kind = settings['on-fail'] ?? 'stop';
      const failed = { request, report: checked.report, account, named };
      let place: string | undefined;
      try {
        place = await refusing(checked.report, log, io, () => mendForStart(kind, failed, io));
      } finally {
        // A document is that of the last check; a stream has both, one after the other.
        const ended = place === undefined ? files : files.filter(({ format }) => format === 'jsonl');
        reportInto(ended, checked.report);
      }
      if (place === undefined) return refuse(checked.report, log, io);
      checked = await checkOnce(files, { ...request, store: place }, settings, io);
      if (checked.report.exitCode !== 0) await tellReport(checked.report, settings, io);
    }
    reportInto(files, checked.report);
    if (checked.report.exitCode !== 0) return refuse(checked.report, log, io);
    const lost = files.find(({ failure }) => failure !== undefined)?.failure;
    if (lost !== undefined) throw lost;
    await refuseLapsed(list, asked.openState, settings, io);
    const problem = await checked.watched.whatMoved(checked.sealing);
    if (problem !== undefined) throw new KnownError('STORE_MOVED', { path: checked.report.store, problem });
    await tellStart(checked.report, command, settings.quiet === true, io);
  } finally {
    for (const file of files) file.close();
  }
  return startCommand({ word, command, account, store: checked.report.store }, log, io);
}

interface CheckedStore {
  readonly report: CheckReport;
  readonly sealing: Sealing;
  readonly watched: WatchedStore;
}

/** One check of one place, watched from before it began. */
async function checkOnce(
  files: readonly ReportFile[],
  request: CheckRequest,
  settings: Settings,
  io: Io,
): Promise<CheckedStore> {
  const watched = new WatchedStore(request.store, request.followLinksInto);
  const sealing = sealingOf(settings, request, true, io);
  const report = await checkInto(files, 'text', { ...request, sealing }, settings, io);
  return { report, sealing, watched };
}

/** An error on the way is told where the failed check is told. */
async function refusing<T>(
  report: CheckReport,
  log: TerminationLog,
  io: Io,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    await refuse(report, log, io);
    throw error;
  }
}

const usage = (problem: string): KnownError => new KnownError('USAGE', { problem });

/** The whole report, for `docker logs` and `journalctl`. */
async function tellReport(report: CheckReport, settings: Settings, io: Io): Promise<void> {
  const options = {
    color: io.stderr.isTerminal && !io.environment.NO_COLOR,
    quiet: settings.quiet === true,
  };
  for (const part of renderText(report, options)) await io.stderr.write(part);
}

/** The last word on stderr, and one line for `kubectl describe pod`. */
async function refuse(report: CheckReport, log: TerminationLog, io: Io): Promise<number> {
  await io.stderr.write('not started: the check failed\n');
  await leave(log, terminationLine(report), io);
  return report.exitCode;
}

async function tellStart(
  report: CheckReport,
  command: readonly string[],
  quiet: boolean,
  io: Io,
): Promise<void> {
  const told = report.findings.filter(
    ({ severity, rule }) => severity === 'warning' || rule === 'seal-not-used' || rule === 'list-first-seen',
  );
  const unlisted = new Map(report.unlisted.map(({ rule, more }) => [rule, more]));
  // One of each kind: a view of hard links has as many warnings as blobs, at every start.
  for (const [rule, all] of Map.groupBy(told, (finding) => finding.rule)) {
    const [first] = all;
    if (first === undefined) continue;
    const more = all.length - 1 + (unlisted.get(rule) ?? 0);
    const rest = more === 0 ? '' : ` (and ${more} more such)`;
    const word = first.severity === 'warning' ? 'warning' : 'note';
    await io.stderr.write(`${word}: ${printable(first.message)}${rest}\n`);
  }
  if (!report.trustChecked) {
    await io.stderr.write('warning: trust was not checked: no allow-list was given (--allow-list FILE)\n');
  }
  if (quiet) return;
  const { models, bytes, hashedBytes } = report.summary;
  const checked = `${counted(models, 'model')}, ${shownSize(bytes)} (${shownSize(hashedBytes)} hashed now)`;
  await io.stderr.write(
    `${printable(report.store)} is in order: ${checked}; starting ${printable(command.join(' '), 200)}\n`,
  );
}
