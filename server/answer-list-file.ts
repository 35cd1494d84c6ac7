import type { ReadableBlob } from '../src/admission/index.ts';
import { type Exchange, isHead, sendError } from './exchange.ts';
import { type BufferPool, sendBytes } from './send-bytes.ts';

/** Files of the signed list, for hosts that want a newer one. */
export interface ListFiles {
  /** @param name one that the route lets through, such as `chunks/HEX` */
  open(name: string): Promise<ReadableBlob | undefined>;
}

/** `GET` and `HEAD /verify-models/v1/NAME`: the bytes of the file as it is now. */
export async function answerListFile(
  exchange: Exchange,
  files: ListFiles | undefined,
  name: string,
  pool: BufferPool,
): Promise<void> {
  const file = await files?.open(name);
  if (file === undefined) return sendError(exchange, 404, 'NAME_UNKNOWN', `${name} is not here`);
  const { response } = exchange;
  const { fd, size } = file;
  try {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
    if (isHead(exchange) || size === 0 || (await sendBytes(fd, { start: 0, end: size }, response, pool)))
      response.end();
  } catch (error) {
    // What is sent cannot be taken back.
    response.destroy(error instanceof Error ? error : undefined);
  } finally {
    await file.close();
  }
}
