import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blobPath, manifestPathOf } from '../fixtures/sample-store.ts';
import { findOllama } from '../real-client/find-ollama.ts';
import { OllamaServer } from '../real-client/ollama-server.ts';
import { must } from './built-programs.ts';
import { sampleName } from './connected-side.ts';
import type { Island } from './island.ts';

/** Who pulls on the side without a network, and what it has then. */
export interface FarClient extends AsyncDisposable {
  readonly store: string;
  /** `sample:latest` from a mirror, in the end under the name that the library gives it. */
  pull(host: string): Promise<void>;
  /** Short names of its models, in their order. */
  models(): Promise<readonly string[]>;
  /** The template of `sample:latest`. */
  template(): Promise<string>;
}

export interface ClientKind {
  readonly title: string;
  readonly skip: false | string;
  start(island: Island): Promise<FarClient>;
}

/** The real client: `ollama serve` runs on the island, and whoever talks to it does too. */
class RealClient implements FarClient {
  readonly #server: OllamaServer;
  readonly #folder: string;

  constructor(server: OllamaServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  get store(): string {
    return this.#server.store;
  }

  async pull(host: string): Promise<void> {
    const there = `${host}/library/sample`;
    assert.match(await this.#must('pull', '--insecure', there), /success/);
    await this.#must('cp', there, 'sample');
    await this.#must('rm', there);
  }

  async models(): Promise<readonly string[]> {
    const [, ...lines] = (await this.#must('list')).trim().split('\n');
    return lines.map((line) => line.split(/\s/)[0] ?? '').sort();
  }

  template(): Promise<string> {
    return this.#must('show', 'sample', '--template');
  }

  async #must(...words: readonly string[]): Promise<string> {
    const { status, output } = await this.#server.ollama(...words);
    assert.equal(status, 0, `ollama ${words.join(' ')}: ${output}\n${this.#server.log}`);
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const standIn = fileURLToPath(new URL('../real-client/client-stand-in.ts', import.meta.url));

/** The stand-in, which pulls as the real client does; it runs no server, and what it has lies in its store. */
class StandInClient implements FarClient {
  readonly store: string;
  readonly #folder: string;
  readonly #island: Island;

  constructor(folder: string, island: Island) {
    this.#folder = folder;
    this.#island = island;
    this.store = join(folder, 'models');
    mkdirSync(this.store);
  }

  async pull(host: string): Promise<void> {
    const environment = { OLLAMA_MODELS: this.store, STAND_IN_REGISTRY: `http://${host}` };
    const words = [process.execPath, '--no-warnings', standIn, 'pull', 'sample'];
    await must([...this.#island.enter, ...words], { environment });
  }

  async models(): Promise<readonly string[]> {
    const names = readdirSync(join(this.store, 'manifests'), { recursive: true, encoding: 'utf8' });
    return names
      .flatMap((path) => {
        const [, model, tag] = /\/library\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
        return model === undefined ? [] : [`${model}:${tag}`];
      })
      .sort();
  }

  async template(): Promise<string> {
    const manifest = JSON.parse(readFileSync(manifestPathOf(this.store, sampleName), 'utf8')) as {
      readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
    };
    const layer = manifest.layers.find(({ mediaType }) => mediaType.endsWith('.template'));
    return readFileSync(blobPath(this.store, layer?.digest ?? ''), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const { program, skip } = findOllama('that the real client pulls and lists what was carried across the gap');
const scratch = () => realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));

/** The real client, and for machines without it the stand-in. */
export const clients: readonly [ClientKind, ClientKind] = [
  {
    title: 'the real client',
    skip,
    async start(island) {
      const folder = scratch();
      const wrapped = island.wrap(program ?? '', join(folder, 'ollama'));
      return new RealClient(await OllamaServer.start(wrapped), folder);
    },
  },
  {
    title: 'the stand-in of the client',
    skip: false,
    start: async (island) => new StandInClient(scratch(), island),
  },
];

/** The one that proves most on this machine. */
export const bestClient: ClientKind = clients[0].skip === false ? clients[0] : clients[1];
