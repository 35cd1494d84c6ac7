import { spawn } from 'node:child_process';

export interface Ran {
  /** Null when it had to be ended. */
  readonly status: number | null;
  /** Everything it printed, both streams in the order they came. */
  readonly output: string;
  readonly stdout: string;
}

/** Longest time a program of these tests may take; whoever hangs is ended together with what it started. */
const patience = 60_000;

/** Runs a program to its end. Not the synchronous form: servers of the same test answer meanwhile. */
export function runProgram(
  command: string,
  words: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const guard = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, patience);
    let output = '';
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(guard);
      resolve({ status, output, stdout });
    });
  });
}
