import * as z from 'zod/mini';
import { isDigest, isListId } from '../oci/index.ts';
import { boolean, each, isPath, path, read } from './kinds.ts';
import { parseListen } from './listen-address.ts';
import type { SettingsOf } from './load-settings.ts';
import { progressKinds } from './settings.ts';
import { parseBytes, parseConnections, parseDuration, parseJobs } from './units.ts';

export const mirrorPolicies = ['enforce', 'observe'] as const;

/** What stdout gets. */
export const mirrorFormats = ['text', 'json'] as const;

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;

/** An upstream, and the host of the mirror that stands for it; undefined is every host that no other stands for. */
export interface UpstreamSetting {
  readonly mirrorHost: string | undefined;
  readonly url: URL;
}

/** `URL`, or `MIRRORHOST=URL`; http and https alone, a root without query, no credentials. */
export function parseUpstream(text: string): UpstreamSetting | undefined {
  const match = /^(?:([A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?)=)?(https?:\/\/.+)$/.exec(text);
  if (match?.[2] === undefined || !URL.canParse(match[2])) return undefined;
  const url = new URL(match[2]);
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return plain && url.pathname === '/' ? { mirrorHost: match[1]?.toLowerCase(), url } : undefined;
}

/** A proxy may ask for a user and a password: everybody takes them from its address. */
const parseProxy = (text: string): URL | undefined =>
  /^[a-z][a-z0-9+]*:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;

const parseDomain = (text: string): string | undefined =>
  /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(text) && text.length <= 253 ? text.toLowerCase() : undefined;

const listen = read(parseListen, 'an address such as 127.0.0.1:11435 or [::1]:11435');

/** Every setting of `model-mirror`: the key in the settings file, and with it the flag and the variable. */
export const mirrorSettingsShape = {
  data: z.optional(path),
  listen: z.optional(listen),
  'admin-listen': z.optional(listen),
  'public-host': z.optional(each(parseDomain, 'a name, without a port')),
  upstream: z.optional(each(parseUpstream, 'URL or MIRRORHOST=URL, of http or https and without a path')),
  'redirect-hosts': z.optional(each(parseDomain, 'a domain')),
  identity: z.optional(path),
  'allow-list': z.optional(path),
  key: z.optional(path),
  trust: z.optional(path),
  'list-id': z.optional(read((text) => (isListId(text) ? text : undefined), 'a list id')),
  chunks: z.optional(path),
  'expect-digest': z.optional(read((text) => (isDigest(text) ? text : undefined), 'a digest')),
  policy: z.optional(z.enum(mirrorPolicies)),
  'fetch-unlisted': z.optional(boolean),
  contact: z.optional(z.string().check(z.maxLength(120), z.regex(/^[\x20-\x7e]+$/))),
  anonymous: z.optional(boolean),
  'tls-cert': z.optional(path),
  'tls-key': z.optional(path),
  ca: z.optional(path),
  proxy: z.optional(read(parseProxy, 'a URL of a proxy, such as http://proxy.corp:3128')),
  'max-jobs': z.optional(read(parseJobs, 'a whole number from 1 to 256')),
  'max-per-address': z.optional(read(parseConnections, 'a whole number from 1 to 4096')),
  'max-data': z.optional(read(parseBytes, 'a size such as 2TB')),
  'max-rate': z.optional(read(parseBytes, 'a rate such as 250MB/s')),
  every: z.optional(read(parseDuration, 'a duration such as 10m or 12h')),
  sender: z.optional(each((text) => (isPath(text) ? text : undefined), 'a path')),
  'custody-key': z.optional(path),
  custodian: z.optional(z.string()),
  'log-level': z.optional(z.enum(logLevels)),
  format: z.optional(z.enum(mirrorFormats)),
  progress: z.optional(z.enum(progressKinds)),
  quiet: z.optional(boolean),
} as const;

export type MirrorSettingKey = keyof typeof mirrorSettingsShape;

export const mirrorSettingKeys = Object.keys(mirrorSettingsShape) as MirrorSettingKey[];

const schema = z.object(mirrorSettingsShape);

export type MirrorSettings = Readonly<z.infer<typeof schema>>;

export const modelMirror: SettingsOf<MirrorSettings> = {
  prefix: 'MODEL_MIRROR',
  file: '/etc/model-mirror/config.yaml',
  keys: mirrorSettingKeys,
  schema,
};
