import { KnownError } from '../errors/index.ts';
import { tokenFor } from './authorize.ts';
import { type Answer, dump, type HttpClient, headerOf } from './http-client.ts';
import { Passing, retryAfterMs } from './patience.ts';
import type { UpstreamSettings } from './settings.ts';

export interface Wanted {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Asks an upstream, with the token that it wants, and turns its refusals into errors. */
export class Conversation {
  readonly client: HttpClient;
  readonly #settings: UpstreamSettings;
  readonly #nonce: () => string;
  /** By repository, since a token is for one. */
  readonly #tokens = new Map<string, string>();

  constructor(client: HttpClient, settings: UpstreamSettings, nonce: () => string) {
    this.client = client;
    this.#settings = settings;
    this.#nonce = nonce;
  }

  /**
   * An answer below 400.
   *
   * @throws Passing for what may be better the next time; KnownError UPSTREAM_NOT_FOUND, UPSTREAM_DENIED,
   *   UPSTREAM_ANSWER, UPSTREAM_REDIRECT
   */
  async ask(repository: string, wanted: Wanted): Promise<Answer> {
    const { client } = this;
    const token = this.#tokens.get(repository);
    let answer = await client.ask({ ...wanted, authorization: token && `Bearer ${token}` });
    if (answer.status === 401 && client.reach.isUpstream(answer.url)) {
      const fresh = await tokenFor(answer, client, this.#settings, this.#nonce, wanted.signal);
      this.#tokens.set(repository, fresh);
      answer = await client.ask({ ...wanted, authorization: `Bearer ${fresh}` });
    }
    const { status } = answer;
    if (status < 400) return answer;
    const after = retryAfterMs(headerOf(answer, 'retry-after'), this.#settings.now());
    dump(answer);
    const upstream = this.#settings.url.host;
    if (status === 404) throw new KnownError('UPSTREAM_NOT_FOUND', { upstream });
    if (status === 429) throw new Passing('it asks to come back later (429)', after);
    if (status >= 500 || status === 408) throw new Passing(`it answers ${status}`, after);
    if (status === 401 || status === 403)
      throw new KnownError('UPSTREAM_DENIED', { upstream, problem: `it answers ${status}` });
    throw new KnownError('UPSTREAM_ANSWER', { upstream, problem: `it answers ${status}` });
  }

  /** Forgets the token of a repository: it may have expired. */
  forget(repository: string): void {
    this.#tokens.delete(repository);
  }
}
