import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { addressOf } from './address.ts';
import { type ShareLimits, Shares } from './shares.ts';

export interface ConnectionLimits extends ShareLimits {
  /** A client that takes none of the bytes that wait for it is cut after so long, in milliseconds. */
  readonly stallMs: number;
}

/**
 * Holds the connections of a server within limits: a client address has a share of them, and one whose client takes
 * nothing of what is sent, or says nothing, is cut. One that waits for an answer is left alone, however long.
 *
 * @param isBusy whether a request of this connection is being answered
 */
export function limitConnections(
  server: Server,
  { all, each, stallMs }: ConnectionLimits,
  isBusy: (socket: Socket) => boolean,
): void {
  const shares = new Shares({ all, each });
  server.on('connection', (socket: Socket) => {
    const leave = shares.take(addressOf(socket));
    if (leave === undefined) socket.destroy();
    else socket.once('close', leave);
  });
  // Node.js starts this clock anew with every byte that the system takes, also within one write.
  server.timeout = stallMs;
  server.on('timeout', (socket: Socket) => {
    if (socket.writableLength > 0 || !isBusy(socket)) socket.destroy();
  });
}
