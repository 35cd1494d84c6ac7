import { read } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { addressOf } from '../src/inbound/index.ts';
import type { ByteRange } from './byte-range.ts';

const readAt = promisify(read);

/**
 * Bytes that are read at once, by how many buffers are out in all, and for one client address: large ones are a third
 * cheaper for each byte, and must not add up to more than half a GiB when four thousand clients read slowly, nor to more
 * than 84 MiB when one client asks five hundred times and reads nothing.
 */
const sizes = [
  { below: 64, ofOne: 32, bytes: 1024 * 1024 },
  { below: 1024, ofOne: 128, bytes: 256 * 1024 },
  { below: Number.POSITIVE_INFINITY, ofOne: Number.POSITIVE_INFINITY, bytes: 32 * 1024 },
] as const;

/** The largest buffer. */
export const bufferSize = sizes[0].bytes;

/** Buffers of a size that are kept for the next request. */
const kept = 32;

/** Two buffers a request, used again: nothing is allocated for each chunk. */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>();
  /** Buffers that are out, by the address of the client. */
  readonly #ofOne = new Map<string, number>();
  #out = 0;

  /** @param client the address for whose request it is, to be named again by `give` */
  take(client: string): Buffer {
    const own = this.#ofOne.get(client) ?? 0;
    const { bytes } = sizes.find(({ below, ofOne }) => this.#out < below && own < ofOne) ?? sizes[2];
    this.#out += 1;
    this.#ofOne.set(client, own + 1);
    return this.#free.get(bytes)?.pop() ?? Buffer.allocUnsafeSlow(bytes);
  }

  give(client: string, buffer: Buffer): void {
    this.#out -= 1;
    const own = (this.#ofOne.get(client) ?? 1) - 1;
    if (own === 0) this.#ofOne.delete(client);
    else this.#ofOne.set(client, own);
    const free = this.#free.get(buffer.length) ?? [];
    this.#free.set(buffer.length, free);
    if (free.length < kept) free.push(buffer);
  }
}

/**
 * Sends a range of an open file: the next part is read while the one before is being written. The headers are sent
 * already.
 *
 * @returns whether every byte was handed to the socket; false when the client left
 * @throws Error when the file cannot be read or ends too early: the connection is then to be cut
 */
export async function sendBytes(
  fd: number,
  { start, end }: ByteRange,
  response: ServerResponse,
  pool: BufferPool,
): Promise<boolean> {
  const client = response.socket === null ? '' : addressOf(response.socket);
  const buffers = [pool.take(client), pool.take(client)] as const;
  let writing: Promise<boolean> = Promise.resolve(true);
  try {
    for (let at = start, turn = 0; at < end; turn ^= 1) {
      const buffer = buffers[turn === 0 ? 0 : 1];
      const { bytesRead } = await readAt(fd, buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) throw new Error('the file ends before the range does');
      if (!(await writing)) return false;
      writing = write(response, buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return await writing;
  } finally {
    // Not before the socket has let go of both.
    await writing.catch(() => false);
    for (const buffer of buffers) pool.give(client, buffer);
  }
}

/** Resolves once the socket no longer needs the bytes; false when it is gone. */
function write(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onClose = () => resolve(false);
    response.once('close', onClose);
    response.write(bytes, (error) => {
      response.off('close', onClose);
      resolve(error === undefined || error === null);
    });
  });
}
