import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Ran, runProgram } from './run-program.ts';

/** A server that does not end when asked to is ended after this long. */
const patience = 5_000;

/** Servers that run; none outlives the test, however it ends. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const { PATH } = process.env;

/**
 * The real client, both halves: `ollama serve` as a child of the test on a port of its own choice, with a home and a
 * store of its own, and the command line program that talks to it. The store outlives a restart.
 */
export class OllamaServer {
  readonly folder: string;
  readonly store: string;
  readonly #program: string;
  readonly #extra: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #log: string[] = [];
  #host = '';

  private constructor(program: string, folder: string, extra: NodeJS.ProcessEnv) {
    this.#program = program;
    this.folder = folder;
    // A blank and a quote: the commands that are printed must be right for such a path too.
    this.store = join(folder, "o'llama models");
    this.#extra = extra;
  }

  /** A running server on an empty store; `extra` is added to the server's environment, not to the client's. */
  static async start(program: string, extra: NodeJS.ProcessEnv = {}): Promise<OllamaServer> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
    const server = new OllamaServer(program, folder, extra);
    mkdirSync(join(folder, 'bin'));
    symlinkSync(program, join(folder, 'bin', 'ollama'));
    await server.restart();
    return server;
  }

  /** What a shell needs so that `ollama` is this client. */
  get environment(): NodeJS.ProcessEnv {
    return {
      PATH: `${join(this.folder, 'bin')}:${PATH}`,
      HOME: this.folder,
      OLLAMA_HOST: this.#host,
      OLLAMA_MODELS: this.store,
    };
  }

  get url(): string {
    return `http://${this.#host}`;
  }

  /** What the server logged since its last start. */
  get log(): string {
    return this.#log.join('\n');
  }

  /** Ends the server, if it runs, and starts it again on the same store; `by` is a command that becomes the server. */
  async restart(by: readonly string[] = [], extra: NodeJS.ProcessEnv = {}): Promise<void> {
    await this.halt();
    this.#log = [];
    const [program = this.#program, ...words] = [...by, this.#program, 'serve'];
    const child = spawn(program, words, {
      cwd: this.folder,
      env: {
        PATH,
        HOME: this.folder,
        OLLAMA_HOST: '127.0.0.1:0',
        OLLAMA_MODELS: this.store,
        OLLAMA_NO_CLOUD: '1',
        OLLAMA_REMOTES: 'remote.example',
        GIN_MODE: 'release',
        ...this.#extra,
        ...extra,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    this.#host = await this.#listening(child);
  }

  /** Reads the log for the port; it is read to its end, so that the server never waits for a reader. */
  #listening(child: ChildProcess): Promise<string> {
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', () => reject(new Error(`ollama serve ended:\n${this.log}`)));
      if (child.stderr === null) throw new Error('ollama serve has no stderr');
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#log.push(line);
        const host = /Listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
        if (host !== undefined) resolve(host);
      });
    });
  }

  /** `ollama WORDS...` */
  ollama(...words: string[]): Promise<Ran> {
    return runProgram(join(this.folder, 'bin', 'ollama'), words, { env: this.environment, cwd: this.folder });
  }

  /** A command line, as a person types it. */
  type(command: string): Promise<Ran> {
    return runProgram('sh', ['-c', command], { env: this.environment, cwd: this.folder });
  }

  /** Ends the server; the store stays. */
  async halt(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const guard = setTimeout(() => child.kill('SIGKILL'), patience);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    clearTimeout(guard);
  }

  /** Ends the server and removes everything it had. */
  async stop(): Promise<void> {
    await this.halt();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
