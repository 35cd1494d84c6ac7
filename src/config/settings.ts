import * as z from 'zod/mini';
import { isRuleId, type RuleId } from '../findings/index.ts';
import { type Digest, isDigest, isListId } from '../oci/index.ts';
import { boolean, each, isPath, path, read } from './kinds.ts';
import { parseListen } from './listen-address.ts';
import type { SettingsOf } from './load-settings.ts';
import { parseBytes, parseDuration, parseSubset, parseThreads } from './units.ts';

export const formats = ['text', 'json', 'jsonl', 'sarif', 'junit'] as const;
export type Format = (typeof formats)[number];

export const progressKinds = ['auto', 'bar', 'plain', 'none'] as const;

const parseVersion = (text: string): number | undefined =>
  /^[0-9]{1,15}$/.test(text) && Number(text) >= 1 ? Number(text) : undefined;

/** The highest number of a user or group: one more would mean "none" to the kernel (setuid(2)). */
const highestId = 2 ** 32 - 2;

const parseUser = (text: string): string | undefined => {
  if (/^[a-z_][a-z0-9_.-]{0,63}\$?$/i.test(text)) return text;
  const isNumbers = /^[0-9]{1,10}(:[0-9]{1,10})?$/.test(text);
  return isNumbers && text.split(':').every((id) => Number(id) <= highestId) ? text : undefined;
};

const parseDigestWord = (text: string): Digest | undefined => (isDigest(text) ? text : undefined);

const parseListId = (text: string): string | undefined => (isListId(text) ? text : undefined);

const parseReport = (text: string): { format: Format; file: string } | undefined => {
  const at = text.indexOf('=');
  const format = formats.find((known) => known === text.slice(0, at));
  const file = text.slice(at + 1);
  return format !== undefined && isPath(file) ? { format, file } : undefined;
};

/** `upstream`: where each model is from by its own name; else a mirror. */
const parseSource = (text: string): 'upstream' | URL | undefined => {
  if (text === 'upstream') return text;
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return plain && url.pathname === '/' ? url : undefined;
};

/** Every setting of `verify-models`: the key in the settings file, and with it the flag and the variable. */
export const settingsShape = {
  store: z.optional(path),
  state: z.optional(path),
  jobs: z.optional(read(parseThreads, 'a whole number from 0 to 256')),
  'max-rate': z.optional(read(parseBytes, 'a rate such as 250MB/s')),
  subset: z.optional(read(parseSubset, 'a part such as 1/7')),
  'max-duration': z.optional(read(parseDuration, 'a duration such as 90s, 10m or 2h')),
  'first-failure': z.optional(boolean),
  quick: z.optional(boolean),
  'follow-links-into': z.optional(each((text) => (isPath(text) ? text : undefined), 'a path', ':')),
  'fail-on': z.optional(each((rule): RuleId | undefined => (isRuleId(rule) ? rule : undefined), 'a rule')),
  format: z.optional(z.enum(formats)),
  report: z.optional(each(parseReport, `FORMAT=FILE with one of ${formats.join(', ')}`)),
  progress: z.optional(z.enum(progressKinds)),
  'allow-list': z.optional(path),
  key: z.optional(path),
  trust: z.optional(path),
  'list-id': z.optional(read(parseListId, 'a list id: letters, digits and . _ : / - only, 128 at most')),
  chunks: z.optional(path),
  whole: z.optional(boolean),
  exact: z.optional(boolean),
  'allow-copies': z.optional(boolean),
  'require-all': z.optional(boolean),
  'require-allow-list': z.optional(boolean),
  'expect-digest': z.optional(read(parseDigestWord, 'a digest, sha256: and 64 hexadecimal digits')),
  'min-version': z.optional(
    read(parseVersion, 'a version of a list, which verify-models sign and verify-models diff print'),
  ),
  'allow-expired': z.optional(boolean),
  sealed: z.optional(boolean),
  running: z.optional(boolean),
  full: z.optional(boolean),
  'max-age': z.optional(read(parseDuration, 'a duration such as 12h or 7d')),
  'fs-verity': z.optional(boolean),
  'seal-key': z.optional(path),
  'on-fail': z.optional(z.enum(['stop', 'quarantine', 'serve-allowed'])),
  user: z.optional(read(parseUser, 'a user: a name, a number, or UID:GID')),
  'termination-log': z.optional(path),
  every: z.optional(read(parseDuration, 'a duration such as 12h or 1d')),
  'on-finding': z.optional(path),
  textfile: z.optional(path),
  policy: z.optional(z.enum(['enforce', 'observe'])),
  sender: z.optional(each((text) => (isPath(text) ? text : undefined), 'a path')),
  'custody-key': z.optional(path),
  custodian: z.optional(z.string()),
  'metrics-listen': z.optional(read(parseListen, 'an address such as 127.0.0.1:9435')),
  quiet: z.optional(boolean),
  from: z.optional(read(parseSource, 'upstream, or the http(s) URL of a mirror')),
  ca: z.optional(path),
  offline: z.optional(boolean),
} as const;

export type SettingKey = keyof typeof settingsShape;

export const settingKeys = Object.keys(settingsShape) as SettingKey[];

export const settingsSchema = z.object(settingsShape);

export type Settings = Readonly<z.infer<typeof settingsSchema>>;

export const verifyModels: SettingsOf<Settings> = {
  prefix: 'VERIFY_MODELS',
  file: '/etc/verify-models/config.yaml',
  keys: settingKeys,
  schema: settingsSchema,
};
