import { loadSettings, type Settings, verifyModels } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { typedCommand } from '../../src/findings/index.ts';
import { printable } from '../../src/report/index.ts';
import { type LocatedStore, locateStore } from '../../src/store/index.ts';
import type { Io } from '../terminal/index.ts';

export { counted } from '../screen/index.ts';

export const tool = { name: 'verify-models', version: '0.1.0' } as const;

/** Flags as commander gives them: camel case, absent when not typed. */
export type TypedFlags = Readonly<Record<string, unknown>>;

/** The checked settings of one command. @throws KnownError CONFIG_INVALID, CONFIG_UNREADABLE, USAGE */
export function settingsOf(flags: TypedFlags, io: Io): Settings {
  const { config, json, ...rest } = flags;
  if (json === true && rest.format !== undefined && rest.format !== 'json') {
    throw new KnownError('USAGE', {
      problem: `--json and --format ${String(rest.format)} exclude each other`,
    });
  }
  const typed = Object.entries(rest).map(([key, value]) => [kebab(key), value] as const);
  return loadSettings(verifyModels, {
    flags: { ...Object.fromEntries(typed), ...(json === true ? { format: 'json' } : {}) },
    environment: io.environment,
    file: namedSettings(config, io),
  });
}

const namedSettings = (config: unknown, { environment }: Io): string | undefined =>
  typeof config === 'string' ? config : environment.VERIFY_MODELS_CONFIG || undefined;

/** Where the settings of a command are read, whether or not anything lies there. */
export const settingsFileOf = ({ config }: TypedFlags, io: Io): string =>
  namedSettings(config, io) ?? verifyModels.file;

const kebab = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Finds the store, of the user who is at home in `HOME`; other stores on this machine are mentioned, not read. */
export async function storeOf(settings: Settings, io: Io, HOME = io.environment.HOME): Promise<LocatedStore> {
  const { OLLAMA_MODELS } = io.environment;
  const located = locateStore(settings.store, { OLLAMA_MODELS, HOME });
  if (settings.quiet !== true) {
    for (const other of located.others) {
      const command = typedCommand(['verify-models', '--store', other]) ?? printable(other);
      await io.stderr.write(`note: there is another store, not looked at now: ${command}\n`);
    }
  }
  return located;
}

/** The command that checks the store this command line names. */
export function checkCommand({ store }: TypedFlags): string {
  const named = typeof store === 'string' ? ['--store', store] : [];
  return typedCommand(['verify-models', ...named]) ?? 'verify-models';
}

/** Refuses a format that was typed for a command which prints text only. @throws KnownError USAGE */
export function refuseFormats({ format, json }: TypedFlags, command: string): void {
  if (json !== true && (format === undefined || format === 'text')) return;
  throw new KnownError('USAGE', { problem: `${command} prints text and knows no other format` });
}

/** Flags that hold for the next command too, when they were typed. */
const lasting = [
  ['store', '--store'],
  ['chunks', '--chunks'],
  ['config', '--config'],
] as const;

/** The same store, tables and settings again, as words of the next command line. */
export function carried(flags: TypedFlags): string[] {
  const { followLinksInto } = flags;
  const links = Array.isArray(followLinksInto) ? followLinksInto : [];
  return [
    ...lasting.flatMap(([key, flag]) => (typeof flags[key] === 'string' ? [flag, flags[key]] : [])),
    ...links.flatMap((path: unknown) => ['--follow-links-into', String(path)]),
  ];
}

/** The last line of a command: what to type next. Words in capitals stand for what only the person knows. */
export function nextLine(words: readonly string[], { quiet }: TypedFlags = {}): string {
  if (quiet === true) return '';
  return `next: ${typedCommand(['verify-models', ...words]) ?? 'verify-models --help'}\n`;
}
