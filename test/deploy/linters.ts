import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

/** Where `go install` puts programs, beside PATH. */
const goBin = join(process.env.GOPATH?.split(delimiter)[0] ?? join(process.env.HOME ?? '', 'go'), 'bin');
const environment = { ...process.env, PATH: `${process.env.PATH}${delimiter}${goBin}` };

/** Runs a program of others on a text. */
export const lint = (program: string, words: readonly string[], input = '') =>
  spawnSync(program, words, { encoding: 'utf8', input, env: environment });

/** Why a linter is not used; false where it is there. */
export const without = (program: string, words: readonly string[]): false | string =>
  lint(program, words).status === 0 ? false : `needs ${program} on PATH`;

/** The Kubernetes whose schemas `kubectl-validate` brings; the sidecars are of 1.29. */
export const kubernetesVersion = '1.30';
