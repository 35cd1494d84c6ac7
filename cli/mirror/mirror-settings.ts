import { isAbsolute, join } from 'node:path';
import {
  loadSettings,
  type MirrorSettings,
  mirrorSettingKeys,
  modelMirror,
  type UpstreamSetting,
} from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { homeDirectory } from '../../src/files/index.ts';
import type { Io } from '../terminal/index.ts';

/** Flags as commander gives them: camel case, absent when not typed. */
export type TypedFlags = Readonly<Record<string, unknown>>;

const dashed = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The checked settings of one command. @throws KnownError CONFIG_INVALID, CONFIG_UNREADABLE, USAGE */
export function settingsOf(flags: TypedFlags, io: Io): Partial<MirrorSettings> {
  const { config, json } = flags;
  const words = Object.entries(flags).map(([key, value]) => [dashed(key), value] as const);
  // The others are flags of one command, and no settings.
  const typed: Record<string, unknown> = Object.fromEntries(
    words.filter(([key]) => mirrorSettingKeys.some((known) => known === key)),
  );
  if (json === true && typed.format !== undefined && typed.format !== 'json')
    throw new KnownError('USAGE', { problem: '--json and --format say different things' });
  return loadSettings(modelMirror, {
    flags: json === true ? { ...typed, format: 'json' } : typed,
    environment: io.environment,
    file: namedSettings(config, io),
  });
}

const namedSettings = (config: unknown, { environment }: Io): string | undefined =>
  typeof config === 'string' ? config : (environment.MODEL_MIRROR_CONFIG ?? undefined);

/** Where the settings of a command are read, whether or not anything lies there. */
export const settingsFileOf = ({ config }: TypedFlags, io: Io): string =>
  namedSettings(config, io) ?? modelMirror.file;

/**
 * Where the mirror keeps everything when nothing is said: `/var/lib/model-mirror` for root, else `model-mirror` in the
 * XDG data directory (XDG Base Directory Specification).
 */
export function dataPathOf({ data }: Partial<MirrorSettings>, io: Io): string {
  if (data !== undefined) return data;
  if (io.uid === 0) return '/var/lib/model-mirror';
  const { XDG_DATA_HOME: base, HOME } = io.environment;
  if (base !== undefined && isAbsolute(base)) return join(base, 'model-mirror');
  const home = homeDirectory(HOME);
  return home === undefined ? '/var/lib/model-mirror' : join(home, '.local', 'share', 'model-mirror');
}

const officialLibrary: UpstreamSetting = {
  mirrorHost: undefined,
  url: new URL('https://registry.ollama.ai'),
};

/** The usual upstream, and those that a host of the mirror stands for. @throws KnownError USAGE */
export function upstreamsOf({ upstream = [] }: Partial<MirrorSettings>): {
  readonly usual: UpstreamSetting;
  readonly others: readonly UpstreamSetting[];
} {
  const usual = upstream.filter(({ mirrorHost }) => mirrorHost === undefined);
  if (usual.length > 1)
    throw new KnownError('USAGE', { problem: 'there is one usual --upstream; others are MIRRORHOST=URL' });
  return {
    usual: usual[0] ?? officialLibrary,
    others: upstream.filter(({ mirrorHost }) => mirrorHost !== undefined),
  };
}

/** Refuses JSON for a command that prints text only. @throws KnownError USAGE */
export function refuseJson({ format }: Partial<MirrorSettings>, command: string): void {
  if (format === undefined || format === 'text') return;
  throw new KnownError('USAGE', { problem: `${command} prints text and knows no other format` });
}
