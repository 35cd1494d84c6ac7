import type { BlobAnswer, Mirror, ReadableBlob } from '../src/admission/index.ts';
import { addressOf, shareOf } from '../src/inbound/index.ts';
import type { Digest } from '../src/oci/index.ts';
import { type ByteRange, readRange } from './byte-range.ts';
import { type Exchange, isHead, isOllama, isTransfer, send, sendEmpty, sendError } from './exchange.ts';
import type { HeldRequests } from './held-requests.ts';
import { type BufferPool, sendBytes } from './send-bytes.ts';
import type { TransferNonces } from './transfer-nonces.ts';

export interface BlobService {
  readonly mirror: Mirror;
  readonly pool: BufferPool;
  readonly held: HeldRequests;
  readonly nonces: TransferNonces;
}

/**
 * `GET` and `HEAD /v2/<name>/blobs/<digest>`, for every client there is:
 *
 * - Ollama's GGUF client probes with a GET without a range, and wants a `Location`; it gets its own address and no body.
 * - Ollama's tensor client reads a whole body to find out where a blob is, and then reads it again; it is sent once
 *   around, so that the first body is empty.
 * - everybody else gets the bytes, whole or the range that was asked for.
 *
 * A body is never anything but bytes of the blob: Ollama writes whatever comes into its file, errors too.
 */
export async function answerBlob(exchange: Exchange, service: BlobService, digest: Digest): Promise<void> {
  const answer = await service.mirror.blob(digest);
  if (answer === undefined) {
    // The reply to a range is written into a file by Ollama, whatever its status.
    if (exchange.request.headers.range !== undefined) sendEmpty(exchange, 404);
    else sendError(exchange, 404, 'BLOB_UNKNOWN', `${digest} is not here`);
    return;
  }
  const about = {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    location: exchange.path,
  };
  const { range: asked } = exchange.request.headers;
  const range = readRange(asked, answer.size);
  if (range === 'unsatisfiable') {
    sendEmpty(exchange, 416, { 'content-range': `bytes */${answer.size}` });
  } else if (isHead(exchange)) {
    exchange.response.writeHead(200, { ...about, 'content-length': answer.size }).end();
  } else if (range !== undefined) {
    await sendRange(exchange, service, answer, range, 206, {
      ...about,
      'content-range': `bytes ${range.start}-${range.end - 1}/${answer.size}`,
    });
  } else if (isOllama(exchange)) sendEmpty(exchange, 200, about);
  else if (isTransfer(exchange) && !service.nonces.isSecond(exchange.query.get('n'))) {
    sendOnceAround(exchange, service, about);
  } else await sendRange(exchange, service, answer, { start: 0, end: answer.size }, 200, about);
}

/** The first of the two bodies of a tensor client is the one it throws away. */
function sendOnceAround(exchange: Exchange, { nonces }: BlobService, about: Record<string, string>): void {
  const nonce = exchange.query.get('n');
  if (nonces.isFirst(nonce)) sendEmpty(exchange, 200, { ...about, location: `${exchange.path}?n=${nonce}` });
  else
    sendEmpty(exchange, 307, {
      location: `${exchange.path}?n=${nonces.make(shareOf(exchange.request.socket))}`,
    });
}

async function sendRange(
  exchange: Exchange,
  { pool, held }: BlobService,
  answer: BlobAnswer,
  range: ByteRange,
  status: 200 | 206,
  headers: Record<string, string>,
): Promise<void> {
  const { response, gone } = exchange;
  if (answer.kind === 'small') {
    send(exchange, status, headers, answer.bytes.subarray(range.start, range.end));
    return;
  }
  let file: ReadableBlob;
  try {
    file =
      answer.kind === 'stored'
        ? await answer.open()
        : await held.while(addressOf(exchange.request.socket), () =>
            answer.open(range.start, range.end, gone),
          );
  } catch {
    // Held for nothing, or too many are: the client asks again. Why is told at the manifest.
    if (!response.destroyed) sendEmpty(exchange, 502);
    return;
  }
  try {
    response.writeHead(status, { ...headers, 'content-length': range.end - range.start });
    if (await sendBytes(file.fd, range, response, pool)) response.end();
  } catch (error) {
    // What is sent cannot be taken back, and an error text would become part of a model.
    response.destroy(error instanceof Error ? error : undefined);
  } finally {
    await file.close();
  }
}
