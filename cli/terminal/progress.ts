import { printable, type StatusEvent, shownSize } from '../../src/report/index.ts';
import type { HashingProgress } from '../../src/verify/index.ts';
import type { Io, Sink } from './io.ts';

export type ProgressKind = 'bar' | 'plain' | 'none';

/** Milliseconds between two pictures of a bar, and between two plain lines. */
const barEvery = 100;
const plainEvery = 5000;
const rateWindow = 5000;

/** Characters of the longest plain line (`hashed 99.9 GB of 99.9 GB (100 %), 99.9 MB/s, 59 min 59 s left`). */
const textWidth = 62;
const barWidths = { least: 4, most: 24 } as const;

/** Which kind is shown: a bar moves on terminals that can, nowhere else, and in CI only when it was asked for. */
export function resolveProgress(kind: 'auto' | ProgressKind, quiet: boolean, io: Io): ProgressKind {
  if (quiet) return 'none';
  if (kind === 'plain' || kind === 'none') return kind;
  const able = io.stderr.isTerminal && io.environment.TERM !== 'dumb';
  return able && (kind === 'bar' || !io.environment.CI) ? 'bar' : 'plain';
}

/** What is shown: of a check, or of transfers. */
export interface ShownProgress extends HashingProgress {
  readonly verb?: 'hashed' | 'fetched' | 'copied';
}

/** Measures how fast a check goes, over the last seconds. */
export class Meter {
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];
  readonly #progress: HashingProgress;
  readonly #monotonic: () => number;

  constructor(progress: HashingProgress, monotonic: () => number) {
    this.#progress = progress;
    this.#monotonic = monotonic;
    this.#samples.push({ at: monotonic(), bytes: progress.bytesDone() });
  }

  status(): StatusEvent {
    const at = this.#monotonic();
    const bytesDone = Math.min(this.#progress.bytesDone(), this.#progress.bytes);
    this.#samples.push({ at, bytes: bytesDone });
    while (this.#samples.length > 2 && at - (this.#samples[0]?.at ?? at) > rateWindow) this.#samples.shift();
    const oldest = this.#samples[0] ?? { at, bytes: bytesDone };
    const rate = at > oldest.at ? Math.round(((bytesDone - oldest.bytes) * 1000) / (at - oldest.at)) : 0;
    const left = this.#progress.bytes - bytesDone;
    return {
      bytesDone,
      bytes: this.#progress.bytes,
      rate,
      secondsLeft: rate > 0 ? Math.ceil(left / rate) : null,
    };
  }
}

/** Shows progress on stderr until the returned function is called, which leaves a clean line behind. */
export function showProgress(kind: ProgressKind, progress: ShownProgress, io: Io): () => void {
  if (kind === 'none' || progress.bytes === 0) return () => {};
  const meter = new Meter(progress, io.monotonic);
  if (kind === 'plain')
    return io.every(plainEvery, () => void io.stderr.write(`${plainLine(meter.status(), progress.verb)}\n`));
  const picture = new Picture(io);
  const stop = io.every(barEvery, () => picture.draw(barLines(meter.status(), progress, io.stderr)));
  return () => {
    stop();
    picture.draw([]);
  };
}

/** Lines that are drawn over the ones before (ECMA-48: CPL, ED). */
class Picture {
  readonly #io: Io;
  #height = 0;

  constructor(io: Io) {
    this.#io = io;
  }

  draw(lines: readonly string[]): void {
    const back = this.#height > 0 ? `\u001b[${this.#height}F\u001b[J` : '';
    void this.#io.stderr.write(back + lines.map((line) => `${line}\n`).join(''));
    this.#height = lines.length;
  }
}

const percent = (done: number, all: number): number => (all === 0 ? 100 : Math.floor((done * 100) / all));

export function plainLine({ bytesDone, bytes, rate, secondsLeft }: StatusEvent, verb = 'hashed'): string {
  const left = secondsLeft === null ? '' : `, ${shownTime(secondsLeft)} left`;
  return `${verb} ${shownSize(bytesDone)} of ${shownSize(bytes)} (${percent(bytesDone, bytes)} %), ${shownSize(rate)}/s${left}`;
}

/** One line for the run, one for each blob; never more than the screen holds, or the next picture would miss the first. */
export function barLines(
  status: StatusEvent,
  progress: ShownProgress,
  { columns, rows = 24 }: Pick<Sink, 'columns' | 'rows'>,
): string[] {
  const fit = (text: string) => printable(text).slice(0, Math.max(1, columns - 1));
  const width = Math.min(barWidths.most, columns - textWidth - '[] '.length - 1);
  const before = (done: number, all: number) => (width < barWidths.least ? '' : `${bar(done, all, width)} `);
  const blobs = progress.activities().map(({ label, bytes, total }) => {
    const name = label.slice('sha256:'.length, 'sha256:'.length + 12);
    return fit(
      `  ${name} ${before(bytes, total)}${shownSize(Math.min(bytes, total))} of ${shownSize(total)}`,
    );
  });
  const run = fit(`${before(status.bytesDone, status.bytes)}${plainLine(status, progress.verb)}`);
  return [run, ...blobs.slice(0, Math.max(0, rows - 2))];
}

function bar(done: number, all: number, width: number): string {
  const filled = all === 0 ? width : Math.min(width, Math.floor((done * width) / all));
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]`;
}

function shownTime(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
