import { Command, CommanderError, Option } from 'commander';
import { KnownError } from '../../src/errors/index.ts';
import { exitStatusHelp } from '../../src/findings/index.ts';
import type { Io } from '../terminal/index.ts';
import { runCheck } from './check.ts';
import { runCompletion } from './completion.ts';
import { tool } from './context.ts';
import { runExplain } from './explain.ts';
import { checkFlags, commonFlags, type Flag } from './flags.ts';
import { runList } from './list.ts';

const examples = [
  'Examples:',
  '  verify-models                          check the whole store',
  '  verify-models llama3.2:1b              check one model',
  '  verify-models --report sarif=out.sarif the same, with a file for CI',
  '  verify-models explain blob-altered     what a finding means',
].join('\n');

/**
 * Runs one command line and gives the exit status.
 *
 * @throws KnownError for everything a user can do wrong
 */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  let status = 0;
  let printed = '';
  const program = new Command('verify-models');
  const done = async (work: Promise<number>) => {
    status = await work;
  };

  program
    .description('Proves, byte for byte, that an Ollama store holds what its manifests say.')
    .usage('[check] [MODEL...] [flags]')
    .version(tool.version, '--version', 'show the version')
    .helpOption('--help', 'show help')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: () => {},
      outputError: () => {},
    })
    .exitOverride()
    .addHelpText(
      'after',
      () => `\nFlags of check:\n${flagHelp(checkFlags)}\n\n${exitStatusHelp}\n\n${examples}\n`,
    );
  addFlags(program, commonFlags);

  const check = program
    .command('check', { isDefault: true })
    .argument('[model...]', 'names as ollama list shows them; none means the whole store')
    .description('read the store, verify everything (the default command)')
    .addHelpText('after', `\n${exitStatusHelp}`)
    .action((models: string[], _flags, self: Command) => done(runCheck(models, self.optsWithGlobals(), io)));
  addFlags(check, checkFlags);
  program
    .command('list')
    .description('models with size, parameters, quantisation and id; hashes nothing but configs')
    .action((_flags, self: Command) => done(runList(self.optsWithGlobals(), io)));
  program
    .command('explain')
    .argument('[rule]')
    .description('what a rule means, why it matters, what to do')
    .action((rule: string | undefined) => done(runExplain(rule, io)));
  program
    .command('completion')
    .argument('<shell>', 'bash, zsh or fish')
    .description('a completion script for your shell')
    .action((shell: string) => done(runCompletion(shell, io)));

  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const shown = ['commander.helpDisplayed', 'commander.help', 'commander.version'].includes(error.code);
    if (!shown)
      throw new KnownError('USAGE', { problem: error.message.replace(/^error: /, '').slice(0, 300) });
  }
  if (printed !== '') await io.stdout.write(printed);
  return status;
}

function addFlags(command: Command, flags: readonly Flag[]): void {
  for (const flag of flags) {
    const option = new Option(flag.syntax, flag.help);
    if (flag.repeatable) option.argParser((value: string, before: string[] = []) => [...before, value]);
    command.addOption(option);
  }
}

function flagHelp(flags: readonly Flag[]): string {
  const width = Math.max(...flags.map(({ syntax }) => syntax.length));
  return flags.map(({ syntax, help }) => `  ${syntax.padEnd(width)}  ${help}`).join('\n');
}
