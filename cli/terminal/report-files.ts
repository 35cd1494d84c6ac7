import { closeSync, constants, fstatSync, ftruncateSync, openSync, readlinkSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Format } from '../../src/config/index.ts';
import { describeCause, KnownError, systemCode } from '../../src/errors/index.ts';
import { openToWrite } from '../../src/files/index.ts';
import { liesInStore } from './in-store.ts';

export interface WantedReport {
  readonly format: Format;
  readonly file: string;
}

/** A report file, opened before the work begins: a path that cannot be written is said at once. */
export interface ReportFile {
  readonly format: Format;
  /** Never throws: what went wrong is `failure`, so that the other reports of the run are still written. */
  write(text: string): void;
  close(): void;
  readonly failure: KnownError | undefined;
}

/**
 * Opens the report files of a run, none of them inside the store: neither by its path nor through a link. Nothing is
 * opened when one is refused.
 *
 * @throws KnownError REPORT_IN_STORE, REPORT_UNWRITABLE, USAGE when two would go into one file
 */
export function openReportFiles(wanted: readonly WantedReport[], store: string): ReportFile[] {
  const paths = wanted.map(({ file }) => resolve(file));
  for (const path of paths) if (liesInStore(path, store)) throw new KnownError('REPORT_IN_STORE', { path });
  const opened: OpenReport[] = [];
  try {
    for (const [at, { format }] of wanted.entries()) {
      const report = OpenReport.open(format, paths[at] ?? '');
      opened.push(report);
      // A link may have been put into its path since.
      if (liesInStore(report.place, store))
        throw new KnownError('REPORT_IN_STORE', { path: paths[at] ?? '' });
      if (opened.some((other) => other !== report && other.isSameFile(report)))
        throw new KnownError('USAGE', { problem: `two reports would go into one file: ${paths[at]}` });
    }
    for (const report of opened) report.empty();
  } catch (error) {
    for (const report of opened) report.close();
    throw error;
  }
  return opened;
}

class OpenReport implements ReportFile {
  readonly format: Format;
  failure: KnownError | undefined;
  readonly #path: string;
  readonly #fd: number;
  readonly #isFile: boolean;
  readonly #object: string;
  #open = true;

  private constructor(format: Format, path: string, fd: number) {
    const { dev, ino, nlink } = fstatSync(fd, { bigint: true });
    this.format = format;
    this.#path = path;
    this.#fd = fd;
    this.#isFile = fstatSync(fd).isFile();
    this.#object = `${dev}:${ino}`;
    if (!this.#isFile || nlink <= 1n) return;
    // One of the other names may be a blob: what is written here would be written there.
    this.close();
    throw unwritable(path, 'it has other names (hard links), and one of them may lie in the store');
  }

  /** Not emptied yet: whether it may be is not known before every report of the run was looked at. */
  static open(format: Format, path: string): OpenReport {
    try {
      return new OpenReport(format, path, openReport(path));
    } catch (error) {
      if (systemCode(error) === 'ENXIO') throw unwritable(path, 'it is a pipe that nobody reads', error);
      throw error instanceof KnownError ? error : unwritable(path, describeCause(error), error);
    }
  }

  /** Where the open file lies, as Linux tells; elsewhere its path. */
  get place(): string {
    try {
      return readlinkSync(`/proc/self/fd/${this.#fd}`);
    } catch {
      return this.#path;
    }
  }

  isSameFile(other: OpenReport): boolean {
    return this.#isFile && this.#object === other.#object;
  }

  empty(): void {
    if (this.#isFile) this.#guard(() => ftruncateSync(this.#fd));
  }

  write(text: string): void {
    if (this.failure !== undefined) return;
    this.#guard(() => {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#guard(() => closeSync(this.#fd));
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.failure ??= unwritable(this.#path, describeCause(error), error);
    }
  }
}

const unwritable = (path: string, problem: string, cause?: unknown): KnownError =>
  new KnownError('REPORT_UNWRITABLE', { path, problem }, cause);

/**
 * Opens without waiting: a pipe that nobody reads would hold this process for ever, whatever signal it gets. Through a
 * pipe of another user root writes nothing, since that user may stop reading.
 */
function openReport(path: string): number {
  const fd = openToWrite(path, 'follow', constants.O_CREAT | constants.O_NONBLOCK, 0o644);
  const stat = fstatSync(fd);
  if (stat.isFile()) return fd;
  try {
    if (stat.isFIFO() && process.geteuid?.() === 0 && stat.uid !== 0)
      throw unwritable(path, `it is a pipe of user ${stat.uid}, who may stop reading it`);
    // What is written waits from here on, as a terminal and a pipe expect it.
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return openSync(path, constants.O_WRONLY);
  } finally {
    closeSync(fd);
  }
}
