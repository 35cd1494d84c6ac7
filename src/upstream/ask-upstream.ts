import { BoundedMap } from '../bounds/index.ts';
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

/** As whom upstream is asked where it wants a signature from Ollama's client, and this mirror has no key to sign with. */
const plainAgent = 'model-mirror';

/** Tokens that are kept; one may have 16 KiB. */
const tokensKept = 256;

/** Repositories of which something smaller is remembered. */
const remembered = 1000;

/** Asks an upstream, with the token that it wants, and turns its refusals into errors. */
export class Conversation {
  readonly client: HttpClient;
  readonly #settings: UpstreamSettings;
  readonly #nonce: () => string;
  /** By repository, since a token is for one; clients choose the repositories. */
  readonly #tokens = new BoundedMap<string, string>(tokensKept);
  /** Repositories that ask Ollama's client for a signature, and nobody else: as the official library does. */
  readonly #plain = new BoundedMap<string, true>(remembered);

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
    let answer = await this.#send(repository, wanted, this.#tokens.get(repository));
    if (answer.status === 401 && client.reach.isUpstream(answer.url)) {
      const token = await this.#token(answer, repository, wanted);
      if (typeof token === 'string') this.#tokens.set(repository, token);
      answer = await this.#send(repository, wanted, typeof token === 'string' ? token : undefined);
      if (answer.status === 401 && typeof token !== 'string') {
        dump(answer);
        throw token;
      }
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

  #send(repository: string, wanted: Wanted, token: string | undefined): Promise<Answer> {
    const isPlain = this.#plain.get(repository) === true;
    const headers = isPlain ? { 'user-agent': plainAgent, ...wanted.headers } : wanted.headers;
    return this.client.ask({ ...wanted, headers, authorization: token && `Bearer ${token}` });
  }

  /** A token; or why none is to be had, where the question is asked once more under a plain name. */
  async #token(refused: Answer, repository: string, { signal }: Wanted): Promise<string | KnownError> {
    try {
      return await tokenFor(refused, this.client, this.#settings, this.#nonce, signal);
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== 'UPSTREAM_DENIED') throw error;
      if (this.#plain.get(repository) === true || this.#settings.identity !== undefined) throw error;
      this.#plain.set(repository, true);
      return error;
    }
  }

  /** Forgets the token of a repository: it may have expired. */
  forget(repository: string): void {
    this.#tokens.delete(repository);
  }
}
