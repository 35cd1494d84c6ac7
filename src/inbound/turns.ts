import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that may wait on one connection. No client of a registry sends one before it has the answer to the last. */
export const waitingLimit = 16;

interface Pending {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Line {
  busy: boolean;
  readonly waiting: Pending[];
}

/**
 * The requests of one connection, one after the other: nothing is opened and nothing is looked up for the next before
 * the answer to the last has been taken by the client. A connection on which too many wait is cut: whoever sends
 * requests ahead is to send the unanswered ones again (RFC 9112, section 9.3.2).
 */
export class Turns {
  readonly #lines = new WeakMap<Socket, Line>();
  readonly #begin: (request: IncomingMessage, response: ServerResponse) => void;

  constructor(begin: (request: IncomingMessage, response: ServerResponse) => void) {
    this.#begin = begin;
  }

  /** A request has come: it begins now, or when its turn has come. */
  take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // A body is never wanted; what comes is thrown away.
    request.resume();
    response.on('error', () => {});
    const line = this.#lines.get(socket) ?? { busy: false, waiting: [] };
    this.#lines.set(socket, line);
    if (!line.busy) this.#next(line, { request, response });
    else if (line.waiting.length < waitingLimit) line.waiting.push({ request, response });
    else socket.destroy();
  }

  /** Whether a request of this connection is being answered. */
  isBusy(socket: Socket): boolean {
    return this.#lines.get(socket)?.busy === true;
  }

  #next(line: Line, { request, response }: Pending): void {
    line.busy = true;
    response.once('close', () => {
      line.busy = false;
      if (request.socket.destroyed) line.waiting.length = 0;
      const next = line.waiting.shift();
      if (next !== undefined) this.#next(line, next);
    });
    this.#begin(request, response);
  }
}
