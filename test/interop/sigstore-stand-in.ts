import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { fulcioHandler, initializeCA, initializeCTLog, initializeTSA, tsaHandler } from '@sigstore/mock';
import { MiniRekor } from './mini-rekor.ts';
import { type TrustedRootJson, trustedRootOf } from './trusted-root.ts';

// A proxy that this machine may have is not asked for loopback; read when the network client is loaded.
process.env.no_proxy = '127.0.0.1';
delete process.env.NO_PROXY;

export const fulcioPath = '/api/v2/signingCert';
export const rekorPath = '/api/v1/log/entries';
export const timestampPath = '/api/v1/timestamp';

interface Answer {
  readonly statusCode: number;
  readonly response: string | ArrayBufferView;
  readonly contentType?: string;
  readonly etag?: string;
}

export type AnswerFn = (request: string) => Promise<Answer>;

export interface StandInOptions {
  /** The timestamp authority's clock is ahead of the others by so many milliseconds. */
  readonly timestampsAhead?: number;
  /** Fulcio tells no certificate log of what it gives. */
  readonly unlogged?: boolean;
}

/** Fulcio, Rekor 1 and a timestamp authority of one Sigstore instance, over HTTP on a port of the loopback. */
export class SigstoreStandIn {
  /** Of all three services. */
  readonly url: string;
  readonly trustedRoot: TrustedRootJson;
  /** What is answered where; tests put worse answers in. */
  readonly answers: Map<string, AnswerFn>;
  /** Paths in the order they were asked for. */
  readonly requests: string[];
  readonly #close: () => Promise<void>;

  constructor(
    url: string,
    trustedRoot: TrustedRootJson,
    answers: Map<string, AnswerFn>,
    requests: string[],
    close: () => Promise<void>,
  ) {
    this.url = url;
    this.trustedRoot = trustedRoot;
    this.answers = answers;
    this.requests = requests;
    this.#close = close;
  }

  stop(): Promise<void> {
    return this.#close();
  }
}

const keys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A whole second: a timestamp with a part of one is not always read. */
const secondOf = (milliseconds: number): number => Math.floor(milliseconds / 1000) * 1000;

export async function startSigstore(options: StandInOptions = {}): Promise<SigstoreStandIn> {
  // The mock looks at its clocks for every answer, and these are set before each.
  const [authorityClock, timestampClock] = [new Date(), new Date()];
  const since = new Date(Date.now() - 24 * 3600 * 1000);
  const certificateLog = await initializeCTLog(keys(), authorityClock);
  const authority = await initializeCA(keys(), options.unlogged ? undefined : certificateLog, authorityClock);
  const timestamps = await initializeTSA(keys(), timestampClock);
  const rekor = new MiniRekor('rekor.sigstore.example', keys());
  const [certify, stamp] = [fulcioHandler(authority).fn, tsaHandler(timestamps).fn];
  const answers = new Map<string, AnswerFn>([
    [
      fulcioPath,
      async (request) => {
        authorityClock.setTime(secondOf(Date.now()));
        const made = await certify(request);
        // The real one says 200, and cosign wants it.
        return made.statusCode === 201 ? { ...made, statusCode: 200 } : made;
      },
    ],
    [
      rekorPath,
      async (request) => {
        const { uuid, response } = rekor.record(request, new Date());
        return { statusCode: 201, response, contentType: 'application/json', etag: uuid };
      },
    ],
    [
      timestampPath,
      (request) => {
        timestampClock.setTime(secondOf(Date.now()) + (options.timestampsAhead ?? 0));
        return stamp(request);
      },
    ],
  ]);
  const requests: string[] = [];
  const { url, close } = await listen((request, response) => answer(request, response, answers, requests));
  const trustedRoot = trustedRootOf({
    fulcioRoot: bytesOf(authority.rootCertificate),
    timestampChain: [bytesOf(timestamps.intCertificate), bytesOf(timestamps.rootCertificate)],
    rekor: rekor.publicKey,
    rekorHost: rekor.host,
    certificateLog: certificateLog.publicKey,
    since,
  });
  return new SigstoreStandIn(url, trustedRoot, answers, requests, close);
}

const bytesOf = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  answers: ReadonlyMap<string, AnswerFn>,
  requests: string[],
): Promise<void> {
  const path = request.url ?? '';
  requests.push(path);
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(Buffer.from(piece));
  const sent = Buffer.concat(pieces).toString('utf8');
  const text = path === fulcioPath ? withToken(sent, request.headers.authorization) : sent;
  const made: Answer = (await answers.get(path)?.(text)) ?? {
    statusCode: 404,
    response: `nothing at ${path}`,
  };
  response.writeHead(made.statusCode, {
    'content-type': made.contentType ?? 'text/plain',
    ...(made.etag === undefined ? {} : { etag: made.etag }),
  });
  response.end(typeof made.response === 'string' ? made.response : bytesOf(made.response));
}

/** cosign sends the identity token in a header, others in the request itself. */
function withToken(request: string, authorization: string | undefined): string {
  if (!authorization?.startsWith('Bearer ')) return request;
  const credentials = { oidcIdentityToken: authorization.slice('Bearer '.length) };
  return JSON.stringify({ ...(JSON.parse(request) as object), credentials });
}

async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
