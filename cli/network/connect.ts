import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { parseOllamaKey, redirectHostsOf, Upstream, usualLimits } from '../../src/upstream/index.ts';
import type { Io } from '../terminal/index.ts';

/** As an unmodified client of this year introduces itself: registries answer others with other bytes. */
const userAgent = 'ollama/0.33.0 (amd64 linux) Go/go1.26.8';

/** How a command reaches registries. */
export interface Ways {
  /** Domains to which an upstream may redirect, beside the known ones. */
  readonly redirectHosts?: readonly string[] | undefined;
  /** File of an extra certificate authority, PEM. */
  readonly ca?: string | undefined;
  /** File of an Ollama installation's key. */
  readonly identity?: string | undefined;
  /** Default: what the environment says. */
  readonly proxy?: URL | undefined;
}

/** An upstream that is asked over the network of this machine; nothing is asked yet. */
export function connect(url: URL, ways: Ways, io: Io): Upstream {
  return new Upstream(
    {
      url,
      redirectHosts: [...redirectHostsOf(url), ...(ways.redirectHosts ?? [])],
      userAgent,
      limits: usualLimits,
      ca: ways.ca === undefined ? undefined : readPem(ways.ca),
      identity: ways.identity === undefined ? undefined : parseOllamaKey(readPem(ways.identity)),
      proxy: ways.proxy ?? proxyOf(url, io.environment),
      now: io.now,
      wait: io.wait,
      random: () => new DataView(Uint8Array.from(io.random(4)).buffer).getUint32(0) / 2 ** 32,
      resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
    },
    () => Buffer.from(io.random(16)).toString('base64url'),
  );
}

/** What the environment says, as other programs read it; never for this machine itself. */
function proxyOf(url: URL, environment: Io['environment']): URL | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === 'localhost' || (isIP(host) !== 0 && /^(?:127\.|::1$)/.test(host))) return undefined;
  const except = (environment.NO_PROXY ?? environment.no_proxy ?? '').split(',').map((one) => one.trim());
  if (
    except.some(
      (one) => one === '*' || (one !== '' && (host === one || host.endsWith(`.${one.replace(/^\./, '')}`))),
    )
  )
    return undefined;
  const names = url.protocol === 'https:' ? ['HTTPS_PROXY', 'https_proxy'] : ['HTTP_PROXY', 'http_proxy'];
  const text = names.map((name) => environment[name]).find((value) => value !== undefined && value !== '');
  if (text === undefined) return undefined;
  const full = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(full)) return new URL(full);
  throw new KnownError('USAGE', { problem: `${names[0]} is no URL of a proxy` });
}

/** @throws KnownError CONFIG_UNREADABLE */
export function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new KnownError('CONFIG_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
}
