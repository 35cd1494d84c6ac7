import { KnownError } from '../../src/errors/index.ts';
import { unprintable } from '../../src/findings/index.ts';
import { listModels } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { bashCompletion } from './bash-completion.ts';
import { refuseFormats, settingsOf, storeOf, type TypedFlags } from './context.ts';
import { fishCompletion } from './fish-completion.ts';
import { zshCompletion } from './zsh-completion.ts';

const shells = {
  bash: { script: bashCompletion, use: 'source <(verify-models completion bash)' },
  zsh: { script: zshCompletion, use: 'source <(verify-models completion zsh)' },
  fish: { script: fishCompletion, use: 'verify-models completion fish | source' },
} as const;

export const shellNames = Object.keys(shells);

/** `verify-models completion bash|zsh|fish`: a script for the shell, made from the same tables as --help. */
export async function runCompletion(shell: string, flags: TypedFlags, io: Io): Promise<number> {
  if (shell === 'models') return printModels(flags, io);
  refuseFormats(flags, 'completion');
  const known = Object.entries(shells).find(([name]) => name === shell)?.[1];
  if (known === undefined) {
    const problem = `completion knows ${shellNames.join(', ')}, not ${shell.slice(0, 40)}`;
    throw new KnownError('USAGE', { problem });
  }
  await io.stdout.write(known.script(shellNames));
  // A script goes into a file or a shell that must not be told more; on a screen it was meant to be read.
  if (io.stdout.isTerminal) await io.stderr.write(`next: ${known.use}\n`);
  return 0;
}

/** `completion models`, for the scripts: one name a line, and without a store nothing at all, in silence. */
async function printModels(flags: TypedFlags, io: Io): Promise<number> {
  try {
    const settings = { ...settingsOf(flags, io), quiet: true };
    const { path } = await storeOf(settings, io);
    const { models } = await listModels(path, settings['follow-links-into'] ?? [], io.now(), io.interrupted);
    const names = models.map(({ shortName }) => shortName).filter((name) => !unprintable.test(name));
    await io.stdout.write(names.map((name) => `${name}\n`).join(''));
  } catch (error) {
    if (!(error instanceof KnownError)) throw error;
  }
  return 0;
}
