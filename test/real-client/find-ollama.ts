import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { hasOpenssl } from './certificate.ts';

/** The real client on this machine, or the reason why a test without it is skipped. */
export type FoundOllama =
  | { readonly program: string; readonly skip: false }
  | { readonly program: undefined; readonly skip: string };

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** `OLLAMA_BIN`, else `ollama` on PATH. `unshown` says what remains without proof where there is none. */
export function findOllama(
  unshown: string,
  { OLLAMA_BIN, PATH }: NodeJS.ProcessEnv = process.env,
): FoundOllama {
  const candidates = OLLAMA_BIN
    ? [OLLAMA_BIN]
    : (PATH ?? '')
        .split(delimiter)
        .filter((folder) => folder !== '')
        .map((folder) => join(folder, 'ollama'));
  const found = candidates.find(executable);
  if (found !== undefined) return { program: realpathSync(found), skip: false };
  return {
    program: undefined,
    skip: `needs a real Ollama (OLLAMA_BIN, or ollama on PATH); not shown on this machine: ${unshown}`,
  };
}

/** As `findOllama`, for tests in which the real client trusts a certificate made on the spot. */
export function findPullingOllama(unshown: string): FoundOllama {
  const found = findOllama(unshown);
  if (found.program === undefined) return found;
  const needs =
    process.platform !== 'linux'
      ? 'a system where Go takes SSL_CERT_FILE (Linux)'
      : hasOpenssl()
        ? undefined
        : 'the program openssl';
  if (needs === undefined) return found;
  return { program: undefined, skip: `needs ${needs}; not shown on this machine: ${unshown}` };
}
