import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeGguf } from '../fixtures/gguf.ts';
import { LibraryStandIn } from '../fixtures/library-stand-in.ts';
import { sampleLayers } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';
import { publishFrom } from '../fixtures/served-mirror.ts';
import type { SiteReport } from '../fixtures/signed-site.ts';
import { built, must } from './built-programs.ts';
import type { Address } from './island.ts';

export const sampleName = 'registry.ollama.ai/library/sample:latest';
const otherName = 'registry.ollama.ai/library/other:1b';

/** Weights of 1.6 MB: an archive without them is seen by its size. */
const weights = makeGguf({ values: 400_000 });

/** Who approves: both must. */
export const signers = ['alice', 'bob'] as const;

/**
 * The side that has a network: a library on loopback, a store with two models, each of which two people approved, and a
 * mirror that fetched what their list names. What mirrors and stores do is done by the built programs.
 */
export class ConnectedSide implements AsyncDisposable {
  /** What is carried across, and nothing else is. */
  readonly medium: string;
  readonly #site = new SealedSite();
  readonly #library: LibraryStandIn;

  private constructor(library: LibraryStandIn) {
    this.#library = library;
    this.medium = this.#site.beside('medium');
    mkdirSync(this.medium);
  }

  static async start(): Promise<ConnectedSide> {
    const side = new ConnectedSide(await LibraryStandIn.start());
    try {
      side.#site.scratch.addModel(otherName, sampleLayers('You answer in verse.', 'other'));
      await side.#list('{{ .System }}<|user|>{{ .Prompt }}\n');
      await side.#site.policy(signers, 2);
      await side.#approve();
      return side;
    } catch (error) {
      await side[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The policy that says who may approve: the other side was given it by hand. */
  get trust(): string {
    return this.#site.trust;
  }

  /** Something that listens here. */
  get address(): Address {
    const { hostname, port } = this.#library.url;
    return { host: hostname, port: Number(port) };
  }

  /** `sample:latest` with another template: published, approved in the next version of the list, fetched by the mirror. */
  async change(template: string): Promise<void> {
    await this.#list(template);
    await this.#approve();
  }

  async #list(template: string): Promise<void> {
    const other = new Map([
      ['model', weights],
      ['template', Buffer.from(template)],
    ]);
    const layers = sampleLayers().map(({ kind, bytes }) => ({ kind, bytes: other.get(kind) ?? bytes }));
    this.#site.scratch.addModel(sampleName, layers);
    for (const name of [sampleName, otherName]) publishFrom(this.#library, this.#site.store, name);
    this.#site.keepRealTime();
    await this.#site.allow('--all');
  }

  async #approve(): Promise<void> {
    for (const signer of signers) await this.#site.sign(signer);
    await this.mirror('sync', '--upstream', this.#library.url.origin);
  }

  /** A command of the mirror, which must succeed. */
  mirror(command: string, ...words: readonly string[]): Promise<string> {
    const own = ['--data', this.#site.beside('mirror'), ...this.#trusting];
    return must([...built('model-mirror'), command, ...own, ...words]);
  }

  /** Writes onto the medium; gives the path. */
  async export(name: string, ...words: readonly string[]): Promise<string> {
    const path = join(this.medium, name);
    await this.mirror('export', '-o', path, ...words);
    return path;
  }

  /** By what the models of this side are approved. */
  async approval(): Promise<SiteReport['allowList']> {
    const check = [...built('verify-models'), 'check', '--json', ...this.#site.where, ...this.#trusting];
    return (JSON.parse(await must(check)) as SiteReport).allowList;
  }

  get #trusting(): readonly string[] {
    return ['--allow-list', this.#site.list, '--trust', this.trust];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#library.close();
    this.#site.remove();
  }
}
