import type { Socket } from 'node:net';

/** The address of whoever is at the other end; IPv4 as such where it came over IPv6. */
export const addressOf = ({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): string =>
  remoteAddress.replace(/^::ffff:(?=[0-9.]+$)/, '');
