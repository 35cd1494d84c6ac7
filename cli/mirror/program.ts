import { Command, CommanderError, Option } from 'commander';
import { KnownError } from '../../src/errors/index.ts';
import { exitStatusHelp } from '../../src/findings/index.ts';
import type { Io } from '../terminal/index.ts';
import { runExport } from './export.ts';
import {
  commonFlags,
  exportFlags,
  gcFlags,
  importFlags,
  inspectFlags,
  logFlags,
  type MirrorFlag,
} from './flags.ts';
import { runGc } from './gc.ts';
import { runImport } from './import.ts';
import { runInspect } from './inspect.ts';
import { runLog } from './log.ts';
import { runScrub } from './scrub.ts';
import { runServe } from './serve.ts';
import { runStatus } from './status.ts';
import { runSync } from './sync.ts';

/** Commands, in the order of --help. */
export const mirrorCommands = {
  serve: 'serve models to unmodified Ollama clients, and fetch what is allowed',
  sync: 'fetch what is named, or all that the allow-list names',
  status: 'what is here, what moved upstream, what was refused',
  scrub: 'read every blob again; what rotted is quarantined and fetched again',
  gc: 'what no admitted model names; removed with --yes',
  export: 'write models as an archive: for another site, or across an air gap',
  import: 'let in the models of an archive, by the allow-list of this side',
  inspect: 'what is in an archive, who approved it, what it would change here',
  log: 'the audit log: list it, or verify it and transfer records',
} as const;

/** @throws KnownError for everything a user can do wrong */
export async function runMirror(args: readonly string[], io: Io, version: string): Promise<number> {
  let status = 0;
  let printed = '';
  const done = async (work: Promise<number>) => {
    status = await work;
  };
  const program = new Command('model-mirror')
    .description('Pulls models once, verifies them, and serves them to unmodified Ollama clients.')
    .version(version, '--version', 'show the version')
    .helpOption('-h, --help', 'show help')
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
    .addHelpText('after', `\n${exitStatusHelp}`);
  addFlags(program, commonFlags);
  const own = (name: keyof typeof mirrorCommands) => program.command(name).description(mirrorCommands[name]);
  own('serve').action((_flags, self: Command) => done(runServe(self.optsWithGlobals(), io)));
  own('sync')
    .argument('[model...]', 'names as ollama list shows them')
    .action((models: string[], _flags, self: Command) => done(runSync(models, self.optsWithGlobals(), io)));
  own('status').action((_flags, self: Command) => done(runStatus(self.optsWithGlobals(), io)));
  own('scrub').action((_flags, self: Command) => done(runScrub(self.optsWithGlobals(), io)));
  const gc = own('gc').action((_flags, self: Command) => done(runGc(self.optsWithGlobals(), io)));
  addFlags(gc, gcFlags);
  const exporting = own('export')
    .argument('[model...]', 'names as ollama list shows them; none means every listed one')
    .action((models: string[], _flags, self: Command) => done(runExport(models, self.optsWithGlobals(), io)));
  addFlags(exporting, exportFlags);
  const importing = own('import')
    .argument('<archive...>', 'archives; volumes in any order; directories with them; - for a pipe')
    .action((archives: string[], _flags, self: Command) =>
      done(runImport(archives, self.optsWithGlobals(), io)),
    );
  addFlags(importing, importFlags);
  const inspecting = own('inspect')
    .argument('<archive...>', 'an archive, volumes of one, or a directory with them')
    .action((archives: string[], _flags, self: Command) =>
      done(runInspect(archives, self.optsWithGlobals(), io)),
    );
  addFlags(inspecting, inspectFlags);
  const log = own('log')
    .argument('[action]', 'list (default) or verify')
    .argument('[record...]', 'verify: transfer records too')
    .action((action: string | undefined, records: string[], _flags, self: Command) =>
      done(runLog(action, records, self.optsWithGlobals(), io)),
    );
  addFlags(log, logFlags);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw new KnownError('USAGE', { problem: problemOf(error) });
  }
  if (printed !== '') await io.stdout.write(printed);
  return status;
}

/** What the parser says, in the style of every other error. */
function problemOf({ code, message }: CommanderError): string {
  if (code === 'commander.help') return `name a command: ${Object.keys(mirrorCommands).join(', ')}`;
  return (
    message
      // What stands behind a flag may be a secret.
      .replace(/^(error: unknown option '--?[^'=]+)=.*'/s, "$1'")
      .replace(/^error: /, '')
      .replace(/\n\(Did you mean (.*)\)$/, ' (did you mean $1)')
      .replace(/\.$/, '')
      .slice(0, 300)
  );
}

function addFlags(command: Command, flags: readonly MirrorFlag[]): void {
  for (const { syntax, help, repeatable } of flags) {
    const option = new Option(syntax, help);
    if (repeatable === true) option.argParser((word: string, before: string[] = []) => [...before, word]);
    command.addOption(option);
  }
}
