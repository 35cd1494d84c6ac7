import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { emptySettings } from '../fixtures/run-main.ts';
import type { ProgramRun } from '../fixtures/run-program.ts';
import { top } from '../house/sources.ts';

/** A program as it is installed, as the first words of a command line. */
export const built = (name: 'verify-models' | 'model-mirror'): readonly string[] => [
  process.execPath,
  join(top, 'dist', `${name}.cjs`),
];

/** No home, no settings of this machine, and nothing of what the tests run under. */
export const bare: Readonly<Record<string, string>> = {
  HOME: '/nonexistent',
  PATH: process.env.PATH ?? '',
  VERIFY_MODELS_CONFIG: emptySettings,
  MODEL_MIRROR_CONFIG: emptySettings,
};

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** A file whose bytes come through a pipe. */
  readonly piped?: string;
}

/** A command line in a process of its own, until it ends. */
export async function run(
  [command = '', ...words]: readonly string[],
  { environment, piped }: RunOptions = {},
): Promise<ProgramRun> {
  const child = spawn(command, words, {
    env: { ...bare, ...environment },
    stdio: [piped === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = once(child, 'close');
  // A program that ends before it read everything has said why.
  if (piped !== undefined && child.stdin !== null)
    await pipeline(createReadStream(piped), child.stdin).catch(() => {});
  await closed;
  return { status: child.exitCode, signal: child.signalCode, stdout, stderr };
}

/** The same, and an error when its exit status is another one than 0. */
export async function must(words: readonly string[], options?: RunOptions): Promise<string> {
  const { status, signal, stdout, stderr } = await run(words, options);
  if (status === 0) return stdout;
  throw new Error(`${words.join(' ')} ended with ${signal ?? status}:\n${stdout}${stderr}`);
}
