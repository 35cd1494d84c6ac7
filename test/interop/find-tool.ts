import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { sha256 } from '../fixtures/sample-store.ts';

export interface FoundTool {
  readonly program: string;
  /** Why a test without it is skipped. */
  readonly skip: false | string;
}

/** A program of this name: its variable, else on PATH, else where Go installs. */
export function findTool(name: string): FoundTool {
  const named = process.env[`${name.toUpperCase()}_BIN`];
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(homedir(), 'go', 'bin')];
  const program = (named === undefined ? folders.map((folder) => join(folder, name)) : [named]).find(
    (path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    },
  );
  const skip = program === undefined ? `needs ${name} (${name.toUpperCase()}_BIN, or on PATH)` : false;
  return { program: program ?? '', skip };
}

export interface ToolRun {
  readonly ok: boolean;
  readonly stdout: string;
  /** Both streams. */
  readonly said: string;
}

/** Runs a tool in a folder that is its home too. */
export const runTool = (program: string, words: readonly string[], folder: string): Promise<ToolRun> =>
  new Promise((resolve) => {
    const env = { PATH: process.env.PATH, HOME: folder };
    execFile(program, words, { env, cwd: folder, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ ok: error === null, stdout, said: `${stdout}${stderr}` }),
    );
  });

/** What an OCI image layout lacks of these files, or has under their names with other bytes. */
export function notInLayout(layout: string, files: readonly Uint8Array[]): string[] {
  return files
    .map((bytes) => sha256(bytes))
    .filter((digest) => {
      const file = join(layout, 'blobs', 'sha256', digest.slice(7));
      return !existsSync(file) || sha256(readFileSync(file)) !== digest;
    });
}
