import { printable, type StatusEvent, shownSize } from '../../src/report/index.ts';
import type { HashingProgress } from '../../src/verify/index.ts';
import type { Io } from './io.ts';

export type ProgressKind = 'bar' | 'plain' | 'none';

/** Milliseconds between two pictures of a bar, and between two plain lines. */
const barEvery = 100;
const plainEvery = 5000;
const rateWindow = 5000;
const barWidth = 24;

/** Which kind `auto` is: nothing moves on a non-terminal, nor in CI. */
export function resolveProgress(kind: 'auto' | ProgressKind, quiet: boolean, io: Io): ProgressKind {
  if (quiet) return 'none';
  if (kind !== 'auto') return kind;
  const moving = io.stderr.isTerminal && !io.environment.CI && io.environment.TERM !== 'dumb';
  return moving ? 'bar' : 'plain';
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
export function showProgress(kind: ProgressKind, progress: HashingProgress, io: Io): () => void {
  if (kind === 'none' || progress.bytes === 0) return () => {};
  const meter = new Meter(progress, io.monotonic);
  if (kind === 'plain')
    return io.every(plainEvery, () => void io.stderr.write(`${plainLine(meter.status())}\n`));
  const picture = new Picture(io);
  const stop = io.every(barEvery, () => picture.draw(barLines(meter.status(), progress, io.stderr.columns)));
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

export function plainLine({ bytesDone, bytes, rate, secondsLeft }: StatusEvent): string {
  const left = secondsLeft === null ? '' : `, ${shownTime(secondsLeft)} left`;
  return `hashed ${shownSize(bytesDone)} of ${shownSize(bytes)} (${percent(bytesDone, bytes)} %), ${shownSize(rate)}/s${left}`;
}

export function barLines(status: StatusEvent, progress: HashingProgress, columns: number): string[] {
  const fit = (text: string) => printable(text).slice(0, Math.max(20, columns - 1));
  const blobs = progress.activities().map(({ label, bytes, total }) => {
    const name = label.slice('sha256:'.length, 'sha256:'.length + 12);
    return fit(`  ${name} ${bar(bytes, total)} ${shownSize(Math.min(bytes, total))} of ${shownSize(total)}`);
  });
  return [fit(`${bar(status.bytesDone, status.bytes)} ${plainLine(status)}`), ...blobs];
}

function bar(done: number, all: number): string {
  const filled = all === 0 ? barWidth : Math.min(barWidth, Math.floor((done * barWidth) / all));
  return `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}]`;
}

function shownTime(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
