import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import {
  type IncomingMessage,
  createServer as plainServer,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as tlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { blobPath, manifestPathOf } from '../fixtures/sample-store.ts';
import type { Certificate } from './certificate.ts';

/** One request, as `GET /v2/library/sample/blobs/sha256:... bytes=0-9`. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly agent: string;
}

/** What a bad registry does. */
export interface Faults {
  /** HEAD of a blob without Content-Length. */
  hideLength: boolean;
  /** The first byte of every blob is another one. */
  alter: boolean;
}

/**
 * A registry that answers Ollama as registry.ollama.ai was recorded to: raw manifest bytes; HEAD of a blob with its
 * length; the probe (GET without Range, User-Agent `ollama/...`) with 200, no body and a Location that is itself; a GET
 * with Range exactly, as 206. What it serves is read from a store when the model is added.
 */
export class RegistryStandIn {
  readonly requests: Recorded[] = [];
  readonly faults: Faults = { hideLength: false, alter: false };
  readonly #manifests = new Map<string, Buffer>();
  readonly #blobs = new Map<string, Buffer>();
  readonly #server: Server;

  private constructor(certificate: Certificate | undefined) {
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    this.#server = certificate === undefined ? plainServer(answer) : tlsServer(certificate, answer);
  }

  /** Over TLS when it has a certificate. */
  static async start(certificate?: Certificate): Promise<RegistryStandIn> {
    const registry = new RegistryStandIn(certificate);
    await once(registry.#server.listen(0, '127.0.0.1'), 'listening');
    return registry;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Publishes a model of a store: `host/namespace/model:tag`. The host is not looked at in requests. */
  publish(store: string, name: string): void {
    const manifest = readFileSync(manifestPathOf(store, name));
    const path = /^[^/]+\/(.+):([^:]+)$/.exec(name);
    this.#manifests.set(`/v2/${path?.[1]}/manifests/${path?.[2]}`, manifest);
    for (const [digest = ''] of manifest.toString().matchAll(/sha256:[0-9a-f]{64}/g)) {
      const file = blobPath(store, digest);
      if (existsSync(file)) this.#blobs.set(digest, readFileSync(file));
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url: path = '' } = request;
    const { range, 'user-agent': agent = '' } = request.headers;
    this.requests.push({ method, path, range, agent });
    const manifest = this.#manifests.get(path);
    const blob = this.#blobs.get(path.split('/blobs/')[1] ?? '');
    if (manifest !== undefined) send(response, 200, manifest);
    else if (blob === undefined) send(response, 404, Buffer.alloc(0));
    else if (method === 'HEAD') {
      response.writeHead(200, this.faults.hideLength ? {} : { 'Content-Length': blob.length }).end();
    } else if (range !== undefined) this.#sendRange(response, blob, range);
    else {
      response.setHeader('Location', path);
      send(response, 200, agent.startsWith('ollama/') ? Buffer.alloc(0) : this.#served(blob));
    }
  }

  #sendRange(response: ServerResponse, blob: Buffer, range: string): void {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    const start = Number(first ?? Number.NaN);
    const end = Number(last ?? Number.NaN);
    if (start <= end && end < blob.length) {
      response.setHeader('Content-Range', `bytes ${start}-${end}/${blob.length}`);
      send(response, 206, this.#served(blob).subarray(start, end + 1));
    } else send(response, 416, Buffer.alloc(0));
  }

  #served(blob: Buffer): Buffer {
    if (!this.faults.alter) return blob;
    const altered = Buffer.from(blob);
    altered[0] = (altered[0] ?? 0) ^ 1;
    return altered;
  }
}

function send(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, { 'Content-Length': body.length }).end(body);
}
