import pLimit from 'p-limit';
import { KnownError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Conversation } from './ask-upstream.ts';
import { type Answer, dump, headerOf } from './http-client.ts';
import { Passing, patiently } from './patience.ts';
import type { UpstreamSettings } from './settings.ts';

/** Bytes from `start` to `end`, exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface WantedFile {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Where pieces of one blob come from. */
export interface PieceSource {
  /**
   * Brings ranges, several at once, begun in their order. `take` gets each whole, to be used until it is done; its place
   * and its memory are then free again, so that no more of them are in memory than are in flight.
   */
  pieces(
    wanted: Iterable<Range>,
    take: (range: Range, bytes: Buffer) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}

/** One blob of an upstream, to be read in ranges. */
export class BlobSource implements PieceSource {
  readonly #conversation: Conversation;
  readonly #settings: UpstreamSettings;
  readonly #wanted: WantedFile;
  /** Where the upstream sent us the last time: a signed address that is good for a while. */
  #resolved: URL | undefined;

  constructor(conversation: Conversation, settings: UpstreamSettings, wanted: WantedFile) {
    this.#conversation = conversation;
    this.#settings = settings;
    this.#wanted = wanted;
  }

  /**
   * Fetches ranges, several at once, begun in their order. `take` gets each whole; its place is free again when `take`
   * is done, so that no more of them are in memory than are in flight. After an error `take` may be called once more for
   * each range that was complete by then.
   *
   * @throws KnownError UPSTREAM_*; what `take` throws; the signal's reason
   */
  async pieces(
    wanted: Iterable<Range>,
    take: (range: Range, bytes: Buffer) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const limit = pLimit(this.#settings.limits.piecesInFlight);
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    // A buffer for each place, used again: 16 MiB for each piece would keep the collector busy.
    const free: Buffer[] = [];
    const work = [...wanted].map((range) =>
      limit(async () => {
        both.throwIfAborted();
        const length = range.end - range.start;
        const at = free.findIndex((buffer) => buffer.length >= length);
        const buffer = free.splice(at === -1 ? free.length : at, 1)[0] ?? Buffer.allocUnsafeSlow(length);
        await take(range, await this.#piece(range, buffer.subarray(0, length), both));
        free.push(buffer);
      }),
    );
    try {
      await Promise.all(work);
    } finally {
      ended.abort();
      limit.clearQueue();
    }
  }

  /** One range, whatever number of connections it takes: what came before a cut is kept. */
  async #piece({ start, end }: Range, bytes: Buffer, signal: AbortSignal): Promise<Buffer> {
    let done = 0;
    await patiently(this.#settings, signal, async (progressed) => {
      const answer = await this.#ask(start + done, end, signal);
      for await (const part of answer.body as AsyncIterable<Uint8Array>) {
        if (done + part.length > bytes.length) {
          dump(answer);
          throw this.#wrong('it sends more bytes than were asked for');
        }
        bytes.set(part, done);
        done += part.length;
        progressed();
      }
      if (done < bytes.length) throw new Passing('it cut the connection');
    });
    return bytes;
  }

  async #ask(start: number, end: number, signal: AbortSignal): Promise<Answer> {
    const { repository, digest, size } = this.#wanted;
    const own = new URL(`/v2/${repository}/blobs/${digest}`, this.#settings.url);
    const headers = { range: `bytes=${start}-${end - 1}` };
    const url = this.#resolved ?? own;
    let answer: Answer;
    try {
      answer = await this.#conversation.ask(repository, { url, headers, signal });
    } catch (error) {
      const stale =
        this.#resolved !== undefined || (error instanceof KnownError && error.code === 'UPSTREAM_DENIED');
      // A signed address expires, and so does a token: asked once more from the beginning.
      if (!stale || !(error instanceof KnownError) || this.#resolved === undefined) throw error;
      this.#resolved = undefined;
      this.#conversation.forget(repository);
      answer = await this.#conversation.ask(repository, { url: own, headers, signal });
    }
    this.#resolved = answer.url.href === own.href ? undefined : answer.url;
    this.#checkRange(answer, start, end, size);
    return answer;
  }

  /** Whatever is not exactly the range that was asked for would be written where it does not belong. */
  #checkRange(answer: Answer, start: number, end: number, size: number): void {
    const length = headerOf(answer, 'content-length');
    const whole = start === 0 && end === size;
    const range = headerOf(answer, 'content-range');
    const right =
      answer.status === 206
        ? range === `bytes ${start}-${end - 1}/${size}` || range === `bytes ${start}-${end - 1}/*`
        : answer.status === 200 && whole;
    if (right && (length === undefined || length === `${end - start}`)) return;
    dump(answer);
    if (answer.status === 200 && !whole) throw this.#wrong('it does not answer for parts of a blob');
    if (answer.status !== 200 && answer.status !== 206) throw this.#wrong(`it answers ${answer.status}`);
    const sent = /^bytes \d+-\d+\/(\d+)$/.exec(range ?? '')?.[1] ?? length;
    throw this.#wrong(
      sent !== undefined && sent !== `${size}`
        ? `it has another size: ${sent.slice(0, 20)} bytes, and the manifest says ${size}`
        : 'it sends another part than was asked for',
    );
  }

  #wrong(problem: string): KnownError {
    return new KnownError('UPSTREAM_ANSWER', { upstream: this.#settings.url.host, problem });
  }
}
