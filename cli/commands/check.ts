import { join } from 'node:path';
import type { Format, Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import {
  type CheckReport,
  endLines,
  findingLine,
  renderJson,
  renderJUnit,
  renderSarif,
  renderText,
  startLine,
  statusLine,
} from '../../src/report/index.ts';
import { loadedModels, ollamaUrl, openBlobs, serverProcesses } from '../../src/running/index.ts';
import { defaultStatePath, StateDirectory } from '../../src/state/index.ts';
import type { LocatedStore } from '../../src/store/index.ts';
import {
  type CheckObserver,
  type CheckRequest,
  check,
  nearest,
  openList,
  RunningModels,
  type Sealing,
} from '../../src/verify/index.ts';
import {
  errorLine,
  type Io,
  liesInStore,
  Meter,
  openReportFiles,
  type ProgressKind,
  type ReportFile,
  resolveProgress,
  showProgress,
  type TerminationLog,
  tellError,
  terminationLine,
  withLoss,
} from '../terminal/index.ts';
import { settingsOf, storeOf, type TypedFlags, tool } from './context.ts';
import { commandNames } from './flags.ts';
import { leave } from './last-word.ts';
import { leavesUnread, listRequestOf, refuseListNonsense, tellAllowedExpiry } from './list-request.ts';
import { sealingOf } from './sealing-of.ts';
import { surroundingsOf } from './swappable.ts';

/** Milliseconds between two status events of a JSON lines stream. */
const statusEvery = 1000;

const defaultJobs = (io: Io): number => Math.min(io.cores, 6);

/** `verify-models [check] [MODEL...]`: settings, store, one hashing run, every report of it. */
export async function runCheck(
  words: readonly string[],
  flags: TypedFlags,
  io: Io,
  log: TerminationLog,
): Promise<number> {
  const settings = settingsOf(flags, io);
  refuseListNonsense(settings, flags);
  const { path: store, named } = await storeFor(words, settings, io);
  log.keepOutOf(store);
  const format = settings.format ?? 'text';
  const files = openReportFiles(settings.report ?? [], store);
  let report: CheckReport;
  try {
    const guarded = settings['require-allow-list'] === true;
    const request = {
      ...requestOf(words, settings, store, io),
      ...surroundingsOf({ settings, flags, named, guarded }, io),
    };
    const list = await openList(listRequestOf(settings, request.openState, io.now()));
    const sealed = settings.sealed === true || settings['fs-verity'] === true;
    const sealing = sealed ? sealingFor(settings, request, io) : undefined;
    const running = settings.running === true ? runningFor(io) : undefined;
    report = await checkInto(files, format, { ...request, list, sealing, running }, settings, io);
    reportInto(files, report);
  } finally {
    for (const file of files) file.close();
  }
  if (report.exitCode !== 0) await leave(log, terminationLine(report), io);
  if (format !== 'text' || settings.quiet === true) await tellAllowedExpiry(report, io.stderr);
  const lost = files.flatMap(({ failure }) => failure ?? []);
  for (const failure of lost) {
    await tellError(failure, io.stderr);
    await leave(log, errorLine(failure, failure.exitStatus), io);
  }
  const exitCode = lost.length === 0 ? report.exitCode : withLoss(report.exitCode);
  const color = io.stdout.isTerminal && !io.environment.NO_COLOR && io.environment.TERM !== 'dumb';
  const shown = render(format, { ...report, exitCode }, { color, quiet: settings.quiet === true });
  for (const part of gathered(shown)) await io.stdout.write(part);
  return exitCode;
}

/** A run that is limited otherwise goes by its own memory of what was hashed. @throws KnownError USAGE */
function sealingFor(settings: Settings, request: CheckRequest, io: Io): Sealing {
  const limit = leavesUnread(settings);
  if (limit === undefined) return sealingOf(settings, request, settings['require-allow-list'] === true, io);
  throw new KnownError('USAGE', { problem: `--sealed and --${limit} exclude each other` });
}

/** The Ollama of this machine, and what its processes have open. @throws KnownError USAGE */
function runningFor(io: Io): RunningModels {
  if (io.platform !== 'linux')
    throw new KnownError('USAGE', { problem: '--running looks into /proc, which Linux alone has' });
  const url = ollamaUrl(io.environment.OLLAMA_HOST);
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const open = () => openBlobs(serverProcesses(port));
  return new RunningModels({ loaded: () => loadedModels(url, io.get), open });
}

/** A mistyped command is taken for a model; where there is no store to look it up in, it is still told apart. */
async function storeFor(words: readonly string[], settings: Settings, io: Io): Promise<LocatedStore> {
  try {
    return await storeOf(settings, io);
  } catch (error) {
    const [word = ''] = words;
    const near = nearest(word, commandNames);
    if (!(error instanceof KnownError && error.code === 'STORE_NOT_FOUND') || near === undefined) throw error;
    throw new KnownError('COMMAND_UNKNOWN', { word, suggestion: `did you mean: verify-models ${near}` });
  }
}

/** The check itself, with its events as they come. */
export async function checkInto(
  files: readonly ReportFile[],
  format: Format,
  request: CheckRequest,
  settings: Settings,
  io: Io,
): Promise<CheckReport> {
  const streams = [
    ...(format === 'jsonl' ? [(text: string) => void io.stdout.write(text)] : []),
    ...files.filter((file) => file.format === 'jsonl').map((file) => (text: string) => file.write(text)),
  ];
  const startedAt = io.now();
  for (const write of streams) write(startLine(tool, request.store, startedAt));
  const unwritable = files.find(({ failure }) => failure !== undefined);
  if (unwritable?.failure !== undefined) throw unwritable.failure;
  const observer = observe(settings, streams, io);
  try {
    return await check(request, {
      now: io.now,
      monotonic: io.monotonic,
      signal: io.interrupted,
      deadline: settings['max-duration'] === undefined ? undefined : io.after(settings['max-duration']),
      observer,
    });
  } finally {
    observer.ended();
  }
}

/** A report into files, each of which holds one document: of several checks of a run that of the last. */
export function reportInto(files: readonly ReportFile[], report: CheckReport): void {
  for (const file of files) {
    for (const part of gathered(render(file.format, report, { color: false, quiet: false })))
      file.write(part);
  }
}

/** What a command line asks `check` for, without an allow-list. An empty store is none. */
export function requestOf(words: readonly string[], settings: Settings, store: string, io: Io): CheckRequest {
  const { XDG_STATE_HOME, HOME } = io.environment;
  const statePath = settings.state ?? defaultStatePath({ XDG_STATE_HOME, HOME }, io.uid);
  const openState = () => {
    if (store !== '' && liesInStore(statePath, store)) {
      const problem = 'it would lie inside the store, where Ollama deletes foreign files';
      throw new KnownError('STATE_UNUSABLE', { path: statePath, problem });
    }
    return StateDirectory.open(join(statePath), { now: io.now, uid: io.uid, pid: io.pid });
  };
  return {
    tool,
    store,
    models: words,
    commands: commandNames,
    followLinksInto: settings['follow-links-into'] ?? [],
    jobs: settings.jobs ?? defaultJobs(io),
    maxRate: settings['max-rate'],
    subset: settings.subset,
    quick: settings.quick === true,
    firstFailure: settings['first-failure'] === true,
    failOn: new Set(settings['fail-on'] ?? []),
    openState,
  };
}

/** Progress for the person, events for the streams. */
export function observe(
  settings: Settings,
  streams: readonly ((text: string) => void)[],
  io: Io,
): CheckObserver {
  const kind = progressKind(settings, io);
  const stops: (() => void)[] = [];
  return {
    hashing(progress) {
      stops.push(showProgress(kind, progress, io));
      if (streams.length === 0) return;
      const meter = new Meter(progress, io.monotonic);
      const tell = () => {
        for (const write of streams) write(statusLine(meter.status()));
      };
      tell();
      stops.push(io.every(statusEvery, tell), tell);
    },
    finding(finding) {
      for (const write of streams) write(findingLine(finding));
    },
    ended() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

/** Events that scroll on the same screen are progress enough, and a bar would draw over them. */
function progressKind(settings: Settings, io: Io): ProgressKind {
  const kind = resolveProgress(settings.progress ?? 'auto', settings.quiet === true, io);
  return kind === 'bar' && settings.format === 'jsonl' && io.stdout.isTerminal ? 'none' : kind;
}

function render(
  format: Format,
  report: CheckReport,
  text: { color: boolean; quiet: boolean },
): Iterable<string> {
  switch (format) {
    case 'text':
      return renderText(report, text);
    case 'json':
      return renderJson(report);
    case 'jsonl':
      return endLines(report);
    case 'sarif':
      return renderSarif(report);
    case 'junit':
      return renderJUnit(report);
  }
}

/** Small parts joined to blocks of 64 KiB: a write is a system call. */
function* gathered(parts: Iterable<string>): Generator<string> {
  let block = '';
  for (const part of parts) {
    block += part;
    if (block.length < 65_536) continue;
    yield block;
    block = '';
  }
  if (block !== '') yield block;
}
