import { readFileSync } from 'node:fs';
import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import {
  type Account,
  accountOf,
  refuseTooLong,
  resolveCommand,
  WatchedStore,
} from '../../src/launch/index.ts';
import { type CheckReport, printable, renderText, shownSize } from '../../src/report/index.ts';
import { type CheckRequest, openList, type Sealing } from '../../src/verify/index.ts';
import {
  type Io,
  openReportFiles,
  type ReportFile,
  type TerminationLog,
  terminationLine,
} from '../terminal/index.ts';
import { checkInto, requestOf } from './check.ts';
import { counted, refuseFormats, settingsOf, storeOf, type TypedFlags } from './context.ts';
import { leave } from './last-word.ts';
import { leavesUnread, listRequestOf, refuseListNonsense } from './list-request.ts';
import { mendForStart } from './on-fail.ts';
import { sealingOf } from './sealing-of.ts';

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
  const { path: store } = await storeOf(settings, io);
  const files = openReportFiles(settings.report ?? [], store);
  let checked: CheckedStore;
  try {
    const asked = requestOf([], settings, store, io);
    const list = await openList(listRequestOf(settings, asked.openState, io.now()));
    const request = { ...asked, list };
    checked = await checkOnce(files, request, settings, io);
    if (checked.report.exitCode !== 0) {
      await tellReport(checked.report, settings, io);
      const kind = settings['on-fail'] ?? 'stop';
      const failed = { request, report: checked.report, account };
      const place = await refusing(checked.report, log, io, () => mendForStart(kind, failed, io));
      if (place === undefined) return refuse(checked.report, log, io);
      checked = await checkOnce(files, { ...request, store: place }, settings, io);
      if (checked.report.exitCode !== 0) {
        await tellReport(checked.report, settings, io);
        return refuse(checked.report, log, io);
      }
    }
    const lost = files.find(({ failure }) => failure !== undefined)?.failure;
    if (lost !== undefined) throw lost;
    const problem = checked.watched.whatMoved(checked.sealing);
    if (problem !== undefined) throw new KnownError('STORE_MOVED', { path: checked.report.store, problem });
    await tellStart(checked.report, command, settings.quiet === true, io);
  } finally {
    for (const file of files) file.close();
  }
  const own = checked.report.store === store ? {} : { OLLAMA_MODELS: checked.report.store };
  return start(word, command, account, own, io);
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

function accountFor(user: string, io: Io): Account {
  if (io.uid !== 0) throw usage('--user needs root: only root can become another user');
  return accountOf(user, readFileSync('/etc/passwd', 'utf8'));
}

const findCommand = (word: string, account: Account | undefined, io: Io) =>
  resolveCommand(word, {
    path: io.environment.PATH,
    directory: io.directory,
    account,
    self: io.program,
  });

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
  for (const { severity, rule, message } of report.findings) {
    if (severity === 'warning' || rule === 'seal-not-used') {
      await io.stderr.write(`${severity === 'warning' ? 'warning' : 'note'}: ${printable(message)}\n`);
    }
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

/** The point of no return. What execve would refuse is refused before: a failing execve aborts Node. */
function start(
  word: string,
  command: readonly string[],
  account: Account | undefined,
  own: Readonly<Record<string, string>>,
  io: Io,
): number {
  if (io.interrupted.aborted) throw new KnownError('CANCELLED');
  const environment = { ...environmentFor(account, io.environment), ...own };
  refuseTooLong(word, command, environment);
  if (account !== undefined) io.become(account);
  // Looked up once more, and with the rights of the user who will run it.
  const path = findCommand(word, undefined, io);
  return io.replaceProcess(path, command, environment);
}

function environmentFor(
  account: Account | undefined,
  environment: Io['environment'],
): Record<string, string> {
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const own =
    account?.name === undefined
      ? {}
      : {
          USER: account.name,
          LOGNAME: account.name,
          ...(account.home === undefined ? {} : { HOME: account.home }),
        };
  return { ...Object.fromEntries(variables), ...own };
}
