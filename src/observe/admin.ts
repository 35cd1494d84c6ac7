import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AdminOptions {
  /** Whether models can be served; the reason where not. */
  readonly ready: () => Promise<string | undefined>;
  /** The text exposition of Prometheus. */
  readonly metrics: () => Promise<string>;
}

/** Connections at once; more are closed, since each holds a descriptor that what is observed needs for its files. */
const connectionLimit = 100;

/** Health and metrics, on a port of their own: nobody who pulls models sees them. */
export class Admin {
  readonly #server: Server;

  constructor({ ready, metrics }: AdminOptions) {
    const pages: Readonly<Record<string, () => Promise<readonly [number, string]>>> = {
      '/healthz': async () => [200, 'ok\n'],
      '/readyz': async () => {
        const reason = await ready();
        return reason === undefined ? [200, 'ok\n'] : [503, `${reason}\n`];
      },
      '/metrics': async () => [200, await metrics()],
    };
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 }, (request, response) => {
      request.resume();
      const page =
        request.method === 'GET' && Object.hasOwn(pages, request.url ?? '')
          ? pages[request.url ?? '']
          : undefined;
      const answer = page === undefined ? Promise.resolve([404, 'not found\n'] as const) : page();
      answer.then(
        ([status, text]) => {
          response
            .writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
            .end(text);
        },
        () => response.writeHead(500).end(),
      );
    });
    this.#server.maxConnections = connectionLimit;
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
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
}
