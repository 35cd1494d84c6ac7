import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { explainExitStatus } from '../../src/findings/index.ts';
import { type CheckReport, printable } from '../../src/report/index.ts';

/** Where Kubernetes reads why a container ended, unless the pod says otherwise. */
const usualFile = '/dev/termination-log';
/** Kubernetes keeps 4096 bytes; one line of a screen is enough. */
const lineLimit = 1000;

/** Why a check failed, in one line. */
export function terminationLine({ exitCode, findings }: CheckReport): string {
  const bad = findings.filter(({ bit }) => bit !== 0);
  const first = bad[0] === undefined ? '' : `: ${bad[0].rule}: ${printable(bad[0].message, 600)}`;
  const more = bad.length > 1 ? ` (and ${bad.length - 1} more)` : '';
  return `verify-models: exit status ${explainExitStatus(exitCode)}${first}${more}\n`.slice(0, lineLimit);
}

/**
 * Writes that line where `kubectl describe pod` shows it: into `--termination-log FILE`, else into the usual file where
 * Kubernetes has made one. Gives the error when a named file cannot be written; the usual one fails in silence.
 */
export function writeTerminationLog(file: string | undefined, report: CheckReport): KnownError | undefined {
  const path = file ?? usualFile;
  try {
    const create = file === undefined ? 0 : constants.O_CREAT;
    const fd = openSync(
      path,
      constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | create,
      0o644,
    );
    try {
      if (!fstatSync(fd).isFile()) throw new Error('it is not a regular file');
      const line = Buffer.from(terminationLine(report));
      writeSync(fd, line, 0, line.length, 0);
    } finally {
      closeSync(fd);
    }
    return undefined;
  } catch (error) {
    if (file === undefined) return undefined;
    return new KnownError('REPORT_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}
