import { KnownError } from '../errors/index.ts';
import { type Digest, manifestMediaTypes, manifestSizeLimit } from '../oci/index.ts';
import { Conversation } from './ask-upstream.ts';
import { BlobSource } from './blob-source.ts';
import { HttpClient, headerOf } from './http-client.ts';
import { patiently } from './patience.ts';
import { readBody } from './read-body.ts';
import type { UpstreamSettings } from './settings.ts';

/** A registry that the mirror pulls from: the official library, or any other OCI registry. */
export class Upstream {
  readonly #settings: UpstreamSettings;
  readonly #client: HttpClient;
  readonly #conversation: Conversation;

  constructor(settings: UpstreamSettings, nonce: () => string) {
    this.#settings = settings;
    this.#client = new HttpClient(settings);
    this.#conversation = new Conversation(this.#client, settings, nonce);
  }

  /** Host and port, for people. */
  get host(): string {
    return this.#settings.url.host;
  }

  /**
   * The bytes of a manifest, as the official client would get them. What they say is for others to judge, and so is
   * their digest: no header is believed.
   *
   * @param repository `library/llama3.2`
   * @throws KnownError UPSTREAM_NOT_FOUND, UPSTREAM_DENIED, UPSTREAM_ANSWER, UPSTREAM_REDIRECT, UPSTREAM_UNREACHABLE
   */
  manifest(repository: string, tag: string, signal: AbortSignal): Promise<Buffer> {
    const url = new URL(`/v2/${repository}/manifests/${tag}`, this.#settings.url);
    const headers = { accept: manifestMediaTypes[0] };
    return patiently(this.#settings, signal, async () => {
      const answer = await this.#conversation.ask(repository, { url, headers, signal });
      const bytes = await readBody(answer, manifestSizeLimit);
      const wrong = (problem: string) => new KnownError('UPSTREAM_ANSWER', { upstream: this.host, problem });
      if (bytes === undefined) throw wrong(`its manifest has more than ${manifestSizeLimit} bytes`);
      if (bytes.length === 0) throw wrong('its manifest is empty');
      if (/^text\/html\b/i.test(headerOf(answer, 'content-type') ?? ''))
        throw wrong('it answers with a web page: is there a login page between here and there?');
      if (answer.status !== 200) throw wrong(`it answers ${answer.status}`);
      return bytes;
    });
  }

  /** A blob, to be read in ranges; nothing is asked yet. */
  blob(repository: string, digest: Digest, size: number): BlobSource {
    return new BlobSource(this.#conversation, this.#settings, { repository, digest, size });
  }

  /**
   * A file of the signed list that a mirror hands out (`/verify-models/v1/NAME`); undefined where it has none. What it
   * says is for others to judge.
   *
   * @param limit largest size, bytes
   * @throws KnownError UPSTREAM_*
   */
  listFile(name: string, limit: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const url = new URL(`/verify-models/v1/${name}`, this.#settings.url);
    return patiently(this.#settings, signal, async () => {
      try {
        const answer = await this.#conversation.ask('', { url, headers: {}, signal });
        const bytes = await readBody(answer, limit);
        const wrong = (problem: string) =>
          new KnownError('UPSTREAM_ANSWER', { upstream: this.host, problem });
        if (answer.status !== 200) throw wrong(`it answers ${answer.status}`);
        if (bytes === undefined) throw wrong(`its ${name} has more than ${limit} bytes`);
        return bytes;
      } catch (error) {
        if (error instanceof KnownError && error.code === 'UPSTREAM_NOT_FOUND') return undefined;
        throw error;
      }
    });
  }

  /** Cuts every connection. */
  close(): Promise<void> {
    return this.#client.close();
  }
}
