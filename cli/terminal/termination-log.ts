import { closeSync, constants, fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { openToWrite } from '../../src/files/index.ts';
import { explainExitStatus } from '../../src/findings/index.ts';
import { type CheckReport, printable } from '../../src/report/index.ts';
import { liesInStore } from './in-store.ts';

/** Where Kubernetes reads why a container ended, unless the pod says otherwise. */
const usualFile = '/dev/termination-log';
/** Kubernetes keeps 4096 bytes; one line of a screen is enough. */
const lineLimit = 1000;

/** Why a check failed, in one line. */
export function terminationLine({ exitCode, findings }: CheckReport): string {
  const bad = findings.filter(({ bit }) => bit !== 0);
  const first = bad[0] === undefined ? '' : `: ${bad[0].rule}: ${printable(bad[0].message, 600)}`;
  const more = bad.length > 1 ? ` (and ${bad.length - 1} more)` : '';
  return `verify-models: exit status ${explainExitStatus(exitCode)}${first}${more}`;
}

/** Why there was no check, or no start after it, in one line. */
export function errorLine(error: unknown, exitStatus: number): string {
  const code = error instanceof KnownError ? error.code : 'INTERNAL';
  return `verify-models: exit status ${explainExitStatus(exitStatus)}: ${code}: ${printable(describeCause(error), 600)}`;
}

/**
 * One line where `kubectl describe pod` shows it: in `--termination-log FILE`, else in the usual file where Kubernetes
 * has made one.
 */
export class TerminationLog {
  /** Asked for when there is something to write: where it fails to say, the usual file is meant. */
  readonly #file: () => string | undefined;
  #fd: number | undefined;
  #written = false;

  constructor(file: () => string | undefined) {
    this.#file = file;
  }

  /** Nothing is ever written into a store. @throws KnownError REPORT_IN_STORE */
  keepOutOf(store: string): void {
    const file = this.#file();
    if (file === undefined || !liesInStore(file, store)) return;
    this.#written = true;
    throw new KnownError('REPORT_IN_STORE', { path: file });
  }

  /** Opens it for a process that will soon be another user. What cannot be opened is said when there is something to write. */
  hold(): void {
    try {
      this.#fd = open(this.#file());
    } catch {
      // `write` tries again.
    }
  }

  /**
   * Writes the line in the place of what stands there; the first line of a run stays. Gives the error when a named file
   * cannot be written; the usual one fails in silence.
   */
  write(line: string): KnownError | undefined {
    if (this.#written) return undefined;
    this.#written = true;
    const file = this.#file();
    try {
      const fd = this.#fd ?? open(file);
      try {
        const bytes = Buffer.from(`${line.slice(0, lineLimit)}\n`);
        ftruncateSync(fd);
        writeSync(fd, bytes, 0, bytes.length, 0);
      } finally {
        closeSync(fd);
        this.#fd = undefined;
      }
      return undefined;
    } catch (error) {
      if (file === undefined) return undefined;
      return new KnownError('REPORT_UNWRITABLE', { path: file, problem: describeCause(error) }, error);
    }
  }
}

function open(file: string | undefined): number {
  const create = file === undefined ? 0 : constants.O_CREAT;
  const fd = openToWrite(file ?? usualFile, 'keep', constants.O_NONBLOCK | create, 0o644);
  const stat = fstatSync(fd);
  if (stat.isFile() && stat.nlink === 1) return fd;
  closeSync(fd);
  // One of the other names may be a blob.
  throw new Error(stat.isFile() ? 'it has other names (hard links)' : 'it is not a regular file');
}
