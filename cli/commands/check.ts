import { join } from 'node:path';
import type { Format, Settings } from '../../src/config/index.ts';
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
import { defaultStatePath, StateDirectory } from '../../src/state/index.ts';
import { type CheckObserver, type CheckRequest, check } from '../../src/verify/index.ts';
import { type Io, Meter, openReportFile, resolveProgress, showProgress } from '../terminal/index.ts';
import { settingsOf, storeOf, type TypedFlags, tool } from './context.ts';
import { commandNames } from './flags.ts';

/** Milliseconds between two status events of a JSON lines stream. */
const statusEvery = 1000;

const defaultJobs = (io: Io): number => Math.min(io.cores, 6);

/** `verify-models [check] [MODEL...]`: settings, store, one hashing run, every report of it. */
export async function runCheck(words: readonly string[], flags: TypedFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  const { path: store } = await storeOf(settings, io);
  const files = (settings.report ?? []).map(({ format, file }) => openReportFile(format, file, store));
  const format = settings.format ?? 'text';
  const streams = [
    ...(format === 'jsonl' ? [(text: string) => void io.stdout.write(text)] : []),
    ...files.filter((file) => file.format === 'jsonl').map((file) => file.write),
  ];
  const startedAt = io.now();
  for (const write of streams) write(startLine(tool, store, startedAt));
  const report = await check(requestOf(words, settings, store, io), {
    now: io.now,
    monotonic: io.monotonic,
    signal: io.interrupted,
    deadline: settings['max-duration'] === undefined ? undefined : io.after(settings['max-duration']),
    observer: observe(settings, streams, io),
  });
  for (const file of files) {
    for (const part of render(file.format, report, { color: false, quiet: false })) file.write(part);
    file.close();
  }
  const color = io.stdout.isTerminal && !io.environment.NO_COLOR && io.environment.TERM !== 'dumb';
  for (const part of gathered(render(format, report, { color, quiet: settings.quiet === true }))) {
    await io.stdout.write(part);
  }
  return report.exitCode;
}

function requestOf(words: readonly string[], settings: Settings, store: string, io: Io): CheckRequest {
  const { XDG_STATE_HOME, HOME } = io.environment;
  const statePath = settings.state ?? defaultStatePath({ XDG_STATE_HOME, HOME }, io.uid);
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
    openState: () => StateDirectory.open(join(statePath), { now: io.now, uid: io.uid, pid: io.pid }),
  };
}

/** Progress for the person, events for the streams. */
function observe(settings: Settings, streams: readonly ((text: string) => void)[], io: Io): CheckObserver {
  const kind = resolveProgress(settings.progress ?? 'auto', settings.quiet === true, io);
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
