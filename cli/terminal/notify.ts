import { spawn } from 'node:child_process';
import { describeCause } from '../../src/errors/index.ts';

/** A command that does not end is ended after this long. */
const patienceMs = 60_000;

/**
 * Runs a program with a text on its stdin, never through a shell; what it prints goes to our stderr. Gives the problem
 * when it could not be started or did not end well; never throws.
 */
export function notify(program: string, text: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, [], { stdio: ['pipe', 2, 2] });
    // Not spawn's own timeout: where nothing could be started it would hold this process for as long.
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    const ended = (problem: string | undefined) => {
      clearTimeout(timer);
      resolve(problem);
    };
    child.once('error', (error) => ended(describeCause(error)));
    child.once('close', (status, signal) =>
      ended(status === 0 ? undefined : `it ended with ${signal ?? `exit status ${status}`}`),
    );
    // A program that does not read its stdin is no failure.
    child.stdin?.on('error', () => {});
    child.stdin?.end(text);
  });
}
