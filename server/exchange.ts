import type { IncomingMessage, ServerResponse } from 'node:http';
import { addressOf, hostNameOf, type OwnNames } from '../src/inbound/index.ts';
import type { WireCode } from './route.ts';

/** One request and its answer, on the way through the server. */
export interface Exchange {
  /** Short, for a person who reports a refusal. */
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: ReadonlyMap<string, string>;
  readonly path: string;
  readonly names: OwnNames;
  /** Aborted when the client has left. */
  readonly gone: AbortSignal;
}

export const isHead = ({ request }: Exchange): boolean => request.method === 'HEAD';

const userAgent = ({ request }: Exchange): string => request.headers['user-agent'] ?? '';

/** The client of Ollama itself, which wants sentences where others want JSON. */
export const isOllama = (exchange: Exchange): boolean => userAgent(exchange).startsWith('ollama/');

/** The part of Ollama that fetches tensor models. */
export const isTransfer = (exchange: Exchange): boolean => userAgent(exchange).startsWith('ollama-transfer/');

/**
 * The address of a peer, and whether it is this machine: one that asks under a name of this server, since a web page
 * can lead a name of its own here, and a proxy brings clients of other machines.
 */
export function peerOf({ request, names }: Exchange): {
  readonly address: string;
  readonly loopback: boolean;
} {
  const address = addressOf(request.socket);
  const { host } = request.headers;
  const isOwn = host === undefined || names.has(hostNameOf(host) ?? '');
  return { address, loopback: isOwn && (address === '::1' || address.startsWith('127.')) };
}

/** A whole answer, of a length that is known. */
export function send(
  { request, response }: Pick<Exchange, 'request' | 'response'>,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  body: Uint8Array | string = '',
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, { ...headers, 'content-length': bytes.length });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

/** Nothing but a status: where a body could be taken for the content of a blob. */
export const sendEmpty = (
  exchange: Exchange,
  status: number,
  headers: Record<string, string | number> = {},
): void => send(exchange, status, headers);

/** An error in the form of the OCI distribution spec 1.1, "Error Codes". */
export function sendError(exchange: Exchange, status: number, code: WireCode, message: string): void {
  const body = JSON.stringify({ errors: [{ code, message, detail: { request: exchange.id } }] });
  send(exchange, status, { 'content-type': 'application/json' }, `${body}\n`);
}

/** One sentence, which Ollama prints to the person who typed `pull`. */
export function sendSentence(
  exchange: Exchange,
  status: number,
  sentence: string,
  headers: Readonly<Record<string, string | number>> = {},
): void {
  const text = `${sentence} (request ${exchange.id})`;
  send(exchange, status, { 'content-type': 'text/plain; charset=utf-8', ...headers }, text);
}
