import { Command, CommanderError, Option } from 'commander';
import { KnownError } from '../../src/errors/index.ts';
import { exitStatusHelp } from '../../src/findings/index.ts';
import type { Io } from '../terminal/index.ts';
import { runAllow } from './allow.ts';
import { runCheck } from './check.ts';
import { commandFirst } from './command-first.ts';
import { runCompletion } from './completion.ts';
import { type TypedFlags, tool } from './context.ts';
import { runCopySelf } from './copy-self.ts';
import { runDiff } from './diff.ts';
import { runExec } from './exec.ts';
import { runExplain } from './explain.ts';
import { runFetch } from './fetch.ts';
import { checkFlags, commandHelp, commandNames, commonFlags, type Flag, nameOf, ownFlags } from './flags.ts';
import { runKeygen } from './keygen.ts';
import { lastWordOn, withLastWord } from './last-word.ts';
import { runList } from './list.ts';
import { runRepair } from './repair.ts';
import { runSign } from './sign.ts';
import {
  runTrustAcceptClock,
  runTrustAddSigner,
  runTrustInit,
  runTrustRotate,
  runTrustShow,
} from './trust.ts';

const examples = [
  'Examples:',
  '  verify-models                           check the whole store',
  '  verify-models llama3.2:1b               check one model',
  '  verify-models --report sarif=out.sarif  the same, with a file for CI',
  '  verify-models explain blob-altered      what a finding means',
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
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns,
    })
    .exitOverride()
    .addHelpText(
      'after',
      () => `\nFlags of check:\n${flagHelp(checkFlags)}\n\n${exitStatusHelp}\n\n${examples}`,
    );
  addFlags(program, commonFlags);

  const check = program
    .command('check', { isDefault: true })
    .argument('[model...]', 'names as ollama list shows them; none means the whole store')
    .description(commandHelp.check)
    .addHelpText('after', `\n${exitStatusHelp}`)
    .action((models: string[], _flags, self: Command) => {
      const flags = self.optsWithGlobals();
      return done(withLastWord(flags, io, (log) => runCheck(models, flags, io, log)));
    });
  addFlags(check, checkFlags);
  program
    .command('list')
    .description(commandHelp.list)
    .action((_flags, self: Command) => done(runList(self.optsWithGlobals(), io)));
  program
    .command('keygen')
    .argument('[name]', 'the pair is NAME.key and NAME.pub (default: verify-models)')
    .description(commandHelp.keygen)
    .action((name: string | undefined, _flags, self: Command) =>
      done(runKeygen(name, self.optsWithGlobals(), io)),
    );
  const allow = program
    .command('allow')
    .argument('[model...]', 'names as ollama list shows them')
    .description(commandHelp.allow)
    .action((models: string[], _flags, self: Command) => done(runAllow(models, self.optsWithGlobals(), io)));
  addFlags(allow, ownFlags.allow);
  const sign = program
    .command('sign')
    .argument('[file]', 'an allow-list or a trust policy (default: allow-list.json)')
    .description(commandHelp.sign)
    .action((file: string | undefined, _flags, self: Command) =>
      done(runSign(file, self.optsWithGlobals(), io)),
    );
  addFlags(sign, ownFlags.sign);
  const diff = program
    .command('diff')
    .argument('<old>', 'an allow-list')
    .argument('[new]', 'another one (default: the store)')
    .description(commandHelp.diff)
    .action((before: string, after: string | undefined, _flags, self: Command) =>
      done(runDiff(before, after, self.optsWithGlobals(), io)),
    );
  addFlags(diff, ownFlags.diff);
  addTrust(program, io, done);
  const fetch = program
    .command('fetch')
    .description(commandHelp.fetch)
    .action((_flags, self: Command) => done(runFetch(self.optsWithGlobals(), io)));
  addFlags(fetch, ownFlags.fetch);
  const repair = program
    .command('repair')
    .argument('[model...]', 'names as ollama list shows them; none means the whole store')
    .description(commandHelp.repair)
    .action((models: string[], _flags, self: Command) => done(runRepair(models, self.optsWithGlobals(), io)));
  addFlags(repair, ownFlags.repair);
  const exec = program
    .command('exec')
    .argument('[command...]', 'after --: the command and its arguments')
    .usage('[flags] -- COMMAND...')
    .description(commandHelp.exec)
    .action((words: string[], _flags, self: Command) => {
      const flags = self.optsWithGlobals();
      return done(withLastWord(flags, io, async (log) => runExec(afterDashes(args, words), flags, io, log)));
    });
  addFlags(exec, ownFlags.exec);
  const install = program
    .command('install')
    .argument(
      '<source...>',
      'an archive, its volumes, a directory with them, - for a pipe; or a mirror and models',
    )
    .usage('[flags] ARCHIVE... | https://MIRROR [MODEL...]')
    .description(commandHelp.install)
    .action((words: string[], _flags, self: Command) =>
      done(installModels(words, self.optsWithGlobals(), io)),
    );
  addFlags(install, ownFlags.install);
  const watch = program
    .command('watch')
    .description(commandHelp.watch)
    .action((_flags, self: Command) => done(watchStore(self.optsWithGlobals(), io)));
  addFlags(watch, ownFlags.watch);
  program
    .command('explain')
    .argument('[rule]')
    .description(commandHelp.explain)
    .action((rule: string | undefined, _flags, self: Command) =>
      done(runExplain(rule, self.optsWithGlobals(), io)),
    );
  program
    .command('copy-self')
    .argument('<dir>', 'a directory that exists')
    .description(commandHelp['copy-self'])
    .action((folder: string, _flags, self: Command) => done(runCopySelf(folder, self.optsWithGlobals(), io)));
  program
    .command('completion')
    .argument('<shell>', 'bash, zsh or fish')
    .description(commandHelp.completion)
    .action((shell: string, _flags, self: Command) => done(runCompletion(shell, self.optsWithGlobals(), io)));

  const ordered = commandFirst(args);
  try {
    await program.parseAsync([...ordered], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) {
      const problem = new KnownError('USAGE', { problem: problemOf(error) });
      await lastWordOn(problem, ordered, io);
      throw problem;
    }
  }
  if (printed !== '') await io.stdout.write(printed);
  return status;
}

/** Loaded when it is asked for: a check needs no metrics. */
async function watchStore(flags: TypedFlags, io: Io): Promise<number> {
  const { runWatch } = await import('./watch.ts');
  return runWatch(flags, io);
}

/** Loaded when it is asked for: a check reads no archives. */
async function installModels(words: readonly string[], flags: TypedFlags, io: Io): Promise<number> {
  const { runInstall } = await import('./install.ts');
  return runInstall(words, flags, io);
}

/** The words of the command; one that stands before the two dashes would be taken for a part of it. */
function afterDashes(args: readonly string[], words: readonly string[]): readonly string[] {
  const at = args.indexOf('--');
  if (at !== -1 && args.length - at - 1 === words.length) return words;
  const problem = 'the command of exec stands after --, such as: verify-models exec -- ollama serve';
  throw new KnownError('USAGE', { problem });
}

/** `trust` and its own commands share one table of flags; each takes those it knows. */
function addTrust(program: Command, io: Io, done: (work: Promise<number>) => Promise<void>): void {
  const trust = program.command('trust').description(commandHelp.trust);
  addFlags(trust, ownFlags.trust);
  const own = (name: string, help: string) => trust.command(name).description(help);
  own('init', 'make the first version').action((_flags, self: Command) =>
    done(runTrustInit(self.optsWithGlobals(), io)),
  );
  own('add-signer', 'add a key or an identity')
    .argument('<name>')
    .action((name: string, _flags, self: Command) =>
      done(runTrustAddSigner(name, self.optsWithGlobals(), io)),
    );
  own('rotate', 'make the next version').action((_flags, self: Command) =>
    done(runTrustRotate(self.optsWithGlobals(), io)),
  );
  own('show', 'who may approve, how many of them, until when').action((_flags, self: Command) =>
    done(runTrustShow(self.optsWithGlobals(), io)),
  );
  own('accept-clock', 'the clock is right, although a list was accepted later').action(
    (_flags, self: Command) => done(runTrustAcceptClock(self.optsWithGlobals(), io)),
  );
}

/** What the parser says, in the style of every other error. */
function problemOf({ code, message }: CommanderError): string {
  if (code === 'commander.help') return `help knows the commands ${commandNames.join(', ')}`;
  const unknown = /^error: unknown option '(--[^'=]+)/.exec(message)?.[1];
  const owners = commandNames.filter((name) => ownFlags[name].some((flag) => nameOf(flag) === unknown));
  if (owners.length > 0) return `${unknown} is a flag of ${owners.join(', ')} alone`;
  return (
    message
      // What stands behind a flag may be a secret.
      .replace(/^(error: unknown option '--?[^'=]+)=.*'/s, "$1'")
      .replace(/^error: /, '')
      .replace(/\n\(Did you mean (.*)\)$/, ' (did you mean $1)')
      .replace(/\. Expected /, ': expected ')
      .replace(/\.$/, '')
      .slice(0, 300)
  );
}

function addFlags(command: Command, flags: readonly Flag[]): void {
  for (const flag of flags) {
    const option = new Option(flag.syntax, flag.help);
    const values = (word: string) => (flag.separator === undefined ? [word] : word.split(flag.separator));
    if (flag.repeatable)
      option.argParser((word: string, before: string[] = []) => [...before, ...values(word)]);
    command.addOption(option);
  }
}

function flagHelp(flags: readonly Flag[]): string {
  const width = Math.max(...flags.map(({ syntax }) => syntax.length));
  return flags.map(({ syntax, help }) => `  ${syntax.padEnd(width)}  ${help}`).join('\n');
}
