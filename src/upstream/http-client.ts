import type { Dispatcher } from 'undici';
import { KnownError } from '../errors/index.ts';
import { Reach } from './reach.ts';
import type { UpstreamSettings } from './settings.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
  /** Where it came from in the end. */
  readonly url: URL;
}

export interface Question {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent to the upstream itself and to nobody else. */
  readonly authorization?: string | undefined;
  readonly signal: AbortSignal;
}

/** One header, of which there may be one. */
export function headerOf({ headers }: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

/**
 * Asks over HTTP, and follows redirects by hand: each target is held against `Reach`, credentials stay with the upstream,
 * and nothing encoded is taken, since what was asked for is `identity`.
 */
export class HttpClient {
  readonly reach: Reach;
  readonly #settings: UpstreamSettings;
  #dispatcher: Promise<Dispatcher> | undefined;

  constructor(settings: UpstreamSettings) {
    this.#settings = settings;
    this.reach = new Reach(settings);
  }

  /**
   * The answer, its body unread: the caller reads or destroys it.
   *
   * @throws KnownError UPSTREAM_REDIRECT, UPSTREAM_ANSWER; system and undici errors
   */
  async ask({ url, headers, authorization, signal }: Question): Promise<Answer> {
    // Loaded by the first question: a program that asks nobody starts without it.
    const { request } = await import('undici');
    this.#dispatcher ??= this.#open();
    const dispatcher = await this.#dispatcher;
    let target = url;
    for (let hops = 0; hops <= this.#settings.limits.redirects; hops += 1) {
      this.reach.check(target);
      const {
        statusCode,
        headers: got,
        body,
      } = await request(target, {
        dispatcher,
        headers: {
          'user-agent': this.#settings.userAgent,
          'accept-encoding': 'identity',
          ...headers,
          ...(authorization !== undefined && this.reach.isUpstream(target) ? { authorization } : {}),
        },
        signal,
      });
      const answer = { status: statusCode, headers: got, body, url: target };
      const location = headerOf(answer, 'location');
      // A 200 with a Location is how a registry answers Ollama's probe: it is the answer.
      if (statusCode < 300 || statusCode > 399 || location === undefined) return this.#plain(answer);
      dump(answer);
      if (!URL.canParse(location, target.href)) throw this.#wrong('its redirect leads nowhere');
      target = new URL(location, target);
    }
    throw this.#wrong(`it redirects more than ${this.#settings.limits.redirects} times`);
  }

  async close(): Promise<void> {
    await (await this.#dispatcher)?.destroy();
  }

  async #open(): Promise<Dispatcher> {
    const { Agent, ProxyAgent } = await import('undici');
    const { limits, ca, proxy } = this.#settings;
    const times = { headersTimeout: limits.stallMs, bodyTimeout: limits.stallMs };
    const connect = { timeout: limits.connectMs, ...(ca === undefined ? {} : { ca }) };
    return proxy === undefined
      ? new Agent({ ...times, connect: { ...connect, lookup: this.reach.lookup } })
      : new ProxyAgent({ ...times, uri: proxy.href, requestTls: connect });
  }

  #plain(answer: Answer): Answer {
    const encoding = headerOf(answer, 'content-encoding') ?? 'identity';
    if (encoding.toLowerCase() === 'identity') return answer;
    dump(answer);
    throw this.#wrong(`it sends ${encoding.slice(0, 20)} although nothing encoded was asked for`);
  }

  #wrong(problem: string): KnownError {
    return new KnownError('UPSTREAM_ANSWER', { upstream: this.#settings.url.host, problem });
  }
}

/** Lets go of a body that nobody reads; what it says on the way out is of no interest. */
export function dump({ body }: Pick<Answer, 'body'>): void {
  body.on('error', () => {});
  body.destroy();
}
