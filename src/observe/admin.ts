import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  isLoopbackName,
  limitConnections,
  type OwnNames,
  objectionTo,
  pathTarget,
  Turns,
} from '../inbound/index.ts';

export interface AdminOptions {
  /** Whether models can be served; the reason where not. */
  readonly ready: () => Promise<string | undefined>;
  /** The text exposition of Prometheus. */
  readonly metrics: () => Promise<string>;
}

/**
 * Connections at once, in all and of one address, and how long a client may say and take nothing (milliseconds): each
 * holds a descriptor that what is observed needs for its files.
 */
const limits = { all: 100, each: 50, stallMs: 10_000 };

const textType = 'text/plain; version=0.0.4; charset=utf-8';

type Page = readonly [status: number, text: string];

/** Health and metrics, on a port of their own: nobody who pulls models sees them, and no web page. */
export class Admin {
  readonly #server: Server;
  #host = '';

  constructor({ ready, metrics }: AdminOptions) {
    const pages: Readonly<Record<string, () => Promise<Page>>> = {
      '/healthz': async () => [200, 'ok\n'],
      '/readyz': async () => {
        const reason = await ready();
        return reason === undefined ? [200, 'ok\n'] : [503, `${reason}\n`];
      },
      '/metrics': async () => [200, await metrics()],
    };
    const turns = new Turns((request, response) => {
      const objection = objectionTo(request, this.#names);
      const name = request.method === 'GET' ? pathTarget(request.url ?? '') : '';
      const page = Object.hasOwn(pages, name) ? pages[name] : undefined;
      const answer: Promise<Page> =
        objection !== undefined
          ? Promise.resolve([objection.status, `${objection.sentence}\n`])
          : (page?.() ?? Promise.resolve([404, 'not found\n']));
      answer.then(
        ([status, text]) => response.writeHead(status, { 'content-type': textType }).end(text),
        () => response.writeHead(500).end(),
      );
    });
    const times = { headersTimeout: 10_000, requestTimeout: 10_000 };
    this.#server = createServer(times, (request, response) => turns.take(request, response));
    limitConnections(this.#server, limits, (socket) => turns.isBusy(socket));
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
    this.#host = host;
    await once(this.#server.listen(port, host), 'listening');
    return this.#server.address() as AddressInfo;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  get #names(): OwnNames {
    const has = (name: string) => isLoopbackName(name) || name === this.#host.toLowerCase();
    return { has, only: isLoopbackName(this.#host.toLowerCase()) };
  }
}
