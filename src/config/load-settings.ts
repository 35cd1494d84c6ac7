import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { inspect } from 'node:util';
import { isMap, isScalar, parseDocument } from 'yaml';
import type * as z from 'zod/mini';
import { describeCause, KnownError, shownAddress, systemCode } from '../errors/index.ts';
import { readSmall } from '../files/index.ts';

/** What one program can be told. */
export interface SettingsOf<Settings> {
  /** Of its variables: `VERIFY_MODELS`. */
  readonly prefix: string;
  /** Where settings are looked for when no file is named. */
  readonly file: string;
  readonly keys: readonly string[];
  readonly schema: z.ZodMiniType<Settings>;
}

const fileLimit = 1024 * 1024;

export interface SettingsSources {
  /** As typed; a key that is not there was not typed. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A settings file that must be there; undefined means the default one, which need not. */
  readonly file: string | undefined;
}

/** The variable of a setting: `VERIFY_MODELS_MAX_RATE` for `max-rate`. */
export const variableOf = ({ prefix }: { readonly prefix: string }, key: string): string =>
  `${prefix}_${key.toUpperCase().replaceAll('-', '_')}`;

/**
 * One checked, frozen object from flags, then environment, then file; a stronger source replaces a value whole.
 *
 * @throws KnownError CONFIG_INVALID (says which source and which key), CONFIG_UNREADABLE
 */
export function loadSettings<Settings extends object>(
  program: SettingsOf<Settings>,
  sources: SettingsSources,
): Partial<Settings> {
  const path = sources.file ?? program.file;
  const check = (values: object, source: string, spell: (key: string) => string) =>
    checked(program, values, source, spell);
  const fromFile = check(readSettingsFile(path, sources.file === undefined), path, (key) => key);
  const fromEnvironment = check(variables(program, sources.environment), 'the environment', (key) =>
    variableOf(program, key),
  );
  const fromFlags = check(sources.flags, 'the command line', (key) => `--${key}`);
  return Object.freeze({ ...fromFile, ...fromEnvironment, ...fromFlags });
}

function variables(
  program: SettingsOf<unknown>,
  environment: SettingsSources['environment'],
): Record<string, string> {
  const set: Record<string, string> = {};
  for (const key of program.keys) {
    const value = environment[variableOf(program, key)];
    if (value !== undefined && value !== '') set[key] = value;
  }
  return set;
}

function checked<Settings extends object>(
  { keys, schema }: SettingsOf<Settings>,
  values: object,
  source: string,
  spell: (key: string) => string,
): Partial<Settings> {
  const known = new Set<string>(keys);
  const stray = Object.keys(values).find((key) => !known.has(key));
  if (stray !== undefined) {
    throw new KnownError('CONFIG_INVALID', { source, problem: `there is no setting ${stray.slice(0, 60)}` });
  }
  const result = schema.safeParse(values);
  if (result.success) return withoutAbsent(result.data);
  throw new KnownError('CONFIG_INVALID', { source, problem: problemOf(result.error, values, spell) });
}

function problemOf(error: z.core.$ZodError, values: object, spell: (key: string) => string): string {
  const issue = error.issues[0];
  const key = String(issue?.path[0] ?? '');
  const value: unknown = new Map(Object.entries(values)).get(key);
  const given = shownValue(key, value);
  const why =
    issue?.code === 'custom'
      ? issue.message
      : issue?.code === 'invalid_value'
        ? `is none of ${issue.values.join(', ')}`
        : 'has the wrong type';
  return `${spell(key)} ${given.slice(0, 60)} ${why}`;
}

/** Settings that are addresses, or hold them. */
const addressKeys: ReadonlySet<string> = new Set(['upstream', 'proxy', 'from']);

/** A value as it was given, but for what may be a password in it. */
function shownValue(key: string, value: unknown): string {
  const shown = (one: unknown) => (typeof one === 'string' ? shownAddress(one) : one);
  const safe: unknown = !addressKeys.has(key)
    ? value
    : Array.isArray(value)
      ? value.map(shown)
      : shown(value);
  const [first, ...more]: unknown[] = Array.isArray(safe) ? safe : [safe];
  if (typeof first === 'string' && more.length === 0 && addressKeys.has(key)) return first;
  return typeof safe === 'string' ? safe : inspect(safe, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
}

function withoutAbsent<Settings extends object>(settings: Settings): Partial<Settings> {
  const present: Partial<Settings> = { ...settings };
  for (const key in present) if (present[key] === undefined) delete present[key];
  return present;
}

function readSettingsFile(path: string, optional: boolean): object {
  let text: string;
  try {
    text = textOf(path);
  } catch (error) {
    if (error instanceof KnownError) throw error;
    if (optional && ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return {};
    throw new KnownError('CONFIG_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
  let value: unknown;
  try {
    value = parseSettings(text);
  } catch (error) {
    throw new KnownError('CONFIG_INVALID', { source: path, problem: describeCause(error) }, error);
  }
  if (value === null || value === undefined) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw new KnownError('CONFIG_INVALID', { source: path, problem: 'it is not a mapping of settings' });
}

/** Opened once: what is judged is what is read. */
function textOf(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const refuse = (problem: string) => new KnownError('CONFIG_UNREADABLE', { path, problem });
    if (!fstatSync(fd).isFile()) throw refuse('it is not a file');
    const bytes = readSmall(fd, fileLimit);
    if (bytes === undefined) throw refuse('it is larger than 1 MiB');
    return bytes.toString('utf8');
  } finally {
    closeSync(fd);
  }
}

/**
 * What the YAML text says. A warning (a tag that nobody knows) is an error here, and nothing is printed. Keys are
 * compared here and not by the parser, which compares every key with every other.
 */
function parseSettings(text: string): unknown {
  const document = parseDocument(text, { uniqueKeys: false, logLevel: 'error' });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw problem;
  if (isMap(document.contents)) {
    const seen = new Set<string>();
    for (const { key } of document.contents.items) {
      const name = String(isScalar(key) ? key.value : key);
      if (seen.has(name)) throw new Error(`the key ${name.slice(0, 60)} stands twice`);
      seen.add(name);
    }
  }
  return document.toJS({ maxAliasCount: 10 });
}
