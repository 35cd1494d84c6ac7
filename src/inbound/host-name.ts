import { BlockList, isIP } from 'node:net';

/** A name or an address with a port or without one (RFC 9110, section 7.2). */
const authority = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,253}))(?::[0-9]{0,5})?$/i;

/** The name or address of a `Host` header, in lower case, without its port, a last dot and brackets; undefined where it is none. */
export function hostNameOf(host: string): string | undefined {
  const match = authority.exec(host);
  return (match?.[1] ?? match?.[2]?.replace(/\.$/, ''))?.toLowerCase();
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether a name, as `hostNameOf` gives it, means this machine wherever it is looked up (RFC 6761, section 6.3). */
export function isLoopbackName(name: string): boolean {
  if (isIP(name) === 0) return name === 'localhost' || name.endsWith('.localhost');
  return loopback.check(name, isIP(name) === 6 ? 'ipv6' : 'ipv4');
}
