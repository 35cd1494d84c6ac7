import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Mirror } from '../src/admission/index.ts';
import {
  addressOf,
  type ConnectionLimits,
  limitConnections,
  type Objection,
  type OwnNames,
  objectionTo,
  pathTarget,
  type ShareLimits,
  Turns,
} from '../src/inbound/index.ts';
import { answerBlob, type BlobService } from './answer-blob.ts';
import { answerListFile, type ListFiles } from './answer-list-file.ts';
import { answerCatalog, answerReferrers, answerTags } from './answer-listing.ts';
import { answerManifest } from './answer-manifest.ts';
import { type Exchange, isOllama, send, sendEmpty, sendError, sendSentence } from './exchange.ts';
import { HeldRequests } from './held-requests.ts';
import { type Route, readTarget } from './route.ts';
import { BufferPool } from './send-bytes.ts';
import { TransferNonces } from './transfer-nonces.ts';

/** What is said of each request when it is over. */
export interface RequestRecord {
  readonly id: string;
  readonly method: string;
  readonly kind: Route['kind'];
  readonly path: string;
  readonly status: number;
  /** Bytes that were handed to the socket, headers included. */
  readonly bytes: number;
  readonly ms: number;
  readonly peer: string;
}

export interface RegistryOptions {
  readonly mirror: Mirror;
  readonly listFiles?: ListFiles | undefined;
  /** PEM; without it plain http. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly held: ShareLimits;
  /** Under which names it answers. */
  readonly names: OwnNames;
  /** Connections at once, and when one of them is cut. */
  readonly connections: ConnectionLimits;
  readonly now: () => Date;
  /** Milliseconds that only go forward. */
  readonly monotonic: () => number;
  /** A short random text of letters and digits. */
  readonly randomText: () => string;
  readonly onRequest: (record: RequestRecord) => void;
  /** Something that should not happen did, while this request was answered. */
  readonly onError: (id: string, error: unknown) => void;
}

const hasLeft = new Error('the client has left');

const methods: readonly string[] = ['GET', 'HEAD'];

/** The OCI registry, read-only, as unmodified Ollama clients and all others need it. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #server: Server;
  readonly #blobs: BlobService;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { mirror, held, randomText, now } = options;
    this.#blobs = {
      mirror,
      pool: new BufferPool(),
      held: new HeldRequests(held),
      nonces: new TransferNonces(randomText, now),
    };
    const turns = new Turns((request, response) => void this.#answer(request, response));
    const answer = (request: IncomingMessage, response: ServerResponse) => turns.take(request, response);
    // A request line and its headers come within 30 s; a connection that does nothing ends after a minute.
    const times = {
      headersTimeout: 30_000,
      requestTimeout: 60_000,
      keepAliveTimeout: 60_000,
      maxHeaderSize: 16_384,
    };
    this.#server =
      options.tls === undefined
        ? createServer(times, answer)
        : createTlsServer({ ...times, ...options.tls, handshakeTimeout: 30_000 }, answer);
    // An expectation that nobody knows is passed over (RFC 9110, section 10.1.1), and waits for its turn like any request.
    this.#server.on('checkExpectation', answer);
    limitConnections(this.#server, options.connections, (socket) => turns.isBusy(socket));
  }

  /** @returns the address it listens on; the port is the system's choice where 0 was asked for */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await once(this.#server.listen(port, host), 'listening');
    return this.#server.address() as AddressInfo;
  }

  /** Requests that are held until bytes are verified. */
  get held(): number {
    return this.#blobs.held.count;
  }

  /** Takes no more connections, lets what is being answered end, and cuts the rest when the signal is aborted. */
  async drain(patience: AbortSignal): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    const cut = () => this.#server.closeAllConnections();
    if (patience.aborted) cut();
    else patience.addEventListener('abort', cut, { once: true });
    await closed;
    patience.removeEventListener('abort', cut);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { monotonic, randomText, onRequest, onError, names } = this.#options;
    const began = monotonic();
    const sentBefore = request.socket.bytesWritten;
    const peer = addressOf(request.socket);
    const { route, query, path } = readTarget(pathTarget(request.url ?? ''));
    // Made when somebody listens: most answers are complete before a client could leave.
    let left: AbortController | undefined;
    let closed = false;
    const exchange = {
      ...{ id: randomText().slice(0, 8), request, response, query, path, names },
      get gone() {
        left ??= new AbortController();
        if (closed) left.abort(hasLeft);
        return left.signal;
      },
    };
    response.once('close', () => {
      closed = true;
      left?.abort(hasLeft);
      onRequest({
        ...{ id: exchange.id, method: request.method ?? '', kind: route.kind, path },
        status: response.statusCode,
        bytes: request.socket.bytesWritten - sentBefore,
        ms: monotonic() - began,
        peer,
      });
    });
    try {
      await this.#route(exchange, route);
    } catch (error) {
      if (closed) return;
      onError(exchange.id, error);
      if (response.headersSent) response.destroy();
      else sendError(exchange, 500, 'UNSUPPORTED', 'an internal error, which is in the log of the mirror');
    }
  }

  #route(exchange: Exchange, route: Route): Promise<void> | void {
    const { mirror, listFiles, names } = this.#options;
    exchange.response.setHeader('docker-distribution-api-version', 'registry/2.0');
    const objection = objectionTo(exchange.request, names);
    if (objection !== undefined) return sendObjection(exchange, route, objection);
    if (!methods.includes(exchange.request.method ?? '')) {
      exchange.response.setHeader('allow', methods.join(', '));
      return sendError(exchange, 405, 'UNSUPPORTED', 'this registry is read-only');
    }
    switch (route.kind) {
      case 'base':
        return send(exchange, 200, { 'content-type': 'application/json' }, '{}');
      case 'manifest':
        return answerManifest(exchange, mirror, route);
      case 'blob':
        return answerBlob(exchange, this.#blobs, route.digest);
      case 'tags':
        return answerTags(exchange, mirror, route.repository);
      case 'catalog':
        return answerCatalog(exchange, mirror);
      case 'referrers':
        return answerReferrers(exchange, mirror, route.digest);
      case 'list-file':
        return answerListFile(exchange, listFiles, route.name, this.#blobs.pool);
      case 'wrong':
        return sendError(exchange, route.status, route.code, 'there is nothing under this name');
    }
  }
}

function sendObjection(exchange: Exchange, route: Route, { status, sentence }: Objection): void {
  exchange.response.setHeader('connection', 'close');
  // What answers a request for a blob is written into a file by Ollama, whatever its status.
  if (route.kind === 'blob') sendEmpty(exchange, status);
  else if (isOllama(exchange)) sendSentence(exchange, status, sentence);
  else sendError(exchange, status, 'DENIED', sentence);
}
