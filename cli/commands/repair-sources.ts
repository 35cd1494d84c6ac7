import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import type { ModelName } from '../../src/oci/index.ts';
import type { Upstream } from '../../src/upstream/index.ts';
import { connect } from '../network/index.ts';
import type { Io } from '../terminal/index.ts';

export interface Sources {
  /** Where a model comes from. */
  of(name: ModelName): Upstream;
  close(): Promise<void>;
}

/** @throws KnownError USAGE */
export function sourcesOf({ from, offline, ca }: Settings, io: Io): Sources {
  if (offline === true)
    throw new KnownError('USAGE', { problem: 'repair needs the network, and --offline forbids it' });
  if (from === undefined)
    throw new KnownError('USAGE', { problem: 'say where from: --from https://MIRROR, or --from upstream' });
  const byOrigin = new Map<string, Upstream>();
  const at = (url: URL): Upstream => {
    const known = byOrigin.get(url.origin) ?? connect(url, { ca }, io);
    byOrigin.set(url.origin, known);
    return known;
  };
  return {
    of: ({ host }) =>
      at(from === 'upstream' ? new URL(`${isLoopback(host) ? 'http' : 'https'}://${host}`) : from),
    async close() {
      for (const upstream of byOrigin.values()) await upstream.close();
    },
  };
}

/** A registry on this machine was pulled from with --insecure. */
const isLoopback = (host: string): boolean => /^(?:localhost|127\.[0-9.]+)(?::[0-9]+)?$/.test(host);
