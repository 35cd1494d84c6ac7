import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { MirrorSettings } from '../../src/config/index.ts';
import { hostNameOf, isLoopbackName, type OwnNames } from '../../src/inbound/index.ts';
import { defaultHost } from '../../src/oci/index.ts';
import type { ListKeeper } from './list-keeper.ts';
import { upstreamsOf } from './mirror-settings.ts';

/** What the containers of a machine call it, whose loopback they reach so: Docker Desktop and Podman. */
const namesInContainers = ['host.docker.internal', 'host.containers.internal'];

/**
 * The names by which a mirror goes: those of this machine, also for its containers, the one it listens on, those of the registries that it stands
 * for (with their addresses led to it, a pull needs no other name), the hosts that its list calls other names of a
 * registry, those of its certificate, and those that its settings add.
 *
 * @param host what it listens on
 */
export function ownNamesOf(
  host: string,
  settings: Partial<MirrorSettings>,
  { list }: { readonly list: Pick<ListKeeper, 'standing'> },
  certificate: Buffer | undefined,
): OwnNames {
  const { usual, others } = upstreamsOf(settings);
  const fixed = new Set(
    [
      ...[host, defaultHost, usual.url.hostname, ...namesInContainers],
      ...(settings['public-host'] ?? []),
      ...others.flatMap(({ mirrorHost = '', url }) => [mirrorHost, url.hostname]),
    ].map((name) => hostNameOf(name) ?? name),
  );
  // Every address is no name: browsers lead it to this machine, for every page that asks them to.
  for (const everywhere of ['0.0.0.0', '::']) fixed.delete(everywhere);
  const certified = certificate && new X509Certificate(certificate);
  return {
    only: isLoopbackName(hostNameOf(host) ?? host),
    how: '--public-host gives it another name',
    has: (name) =>
      isLoopbackName(name) ||
      fixed.has(name) ||
      isAlias(name, list) ||
      (certified !== undefined && isNamedBy(certified, name)),
  };
}

function isAlias(name: string, { standing }: Pick<ListKeeper, 'standing'>): boolean {
  if (standing.kind !== 'accepted') return false;
  return [...standing.approved.list.aliases.keys()].some((alias) => hostNameOf(alias) === name);
}

const isNamedBy = (certificate: X509Certificate, name: string): boolean =>
  (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
