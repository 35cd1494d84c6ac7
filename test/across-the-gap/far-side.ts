import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgramRun } from '../fixtures/run-program.ts';
import type { SiteReport } from '../fixtures/signed-site.ts';
import { bare, built, type RunOptions, run } from './built-programs.ts';
import type { Island } from './island.ts';

/** The side without a network. It has the programs and a trust policy; everything else arrives on a medium. */
export class FarSide implements AsyncDisposable {
  readonly island: Island;
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
  #serving: ChildProcess | undefined;

  constructor(island: Island, trust: string) {
    this.island = island;
    for (const end of ['', '.sigstore.jsonl']) copyFileSync(`${trust}${end}`, `${this.#trust}${end}`);
  }

  get #trust(): string {
    return join(this.folder, 'trust.json');
  }

  get #mirror(): readonly string[] {
    return ['--data', join(this.folder, 'mirror'), ...this.#trusting];
  }

  /** The list is not there before the first archive brings one. */
  get #trusting(): readonly string[] {
    return ['--allow-list', join(this.folder, 'allow-list.json'), '--trust', this.#trust];
  }

  /** `model-mirror import` of what arrived; `-` with something that comes through a pipe. */
  import(archives: readonly string[], options?: RunOptions): Promise<ProgramRun> {
    return this.#run('model-mirror', ['import', ...archives, ...this.#mirror], options);
  }

  /** `model-mirror log verify` of the mirror's own log and of a transfer record. */
  verifyLog(record: string): Promise<ProgramRun> {
    return this.#run('model-mirror', ['log', 'verify', record, ...this.#mirror]);
  }

  /** `verify-models install` of what arrived. */
  install(archives: readonly string[], store: string, options?: RunOptions): Promise<ProgramRun> {
    return this.#run('verify-models', ['install', ...archives, ...this.#where(store)], options);
  }

  /** The report about a store. */
  async check(store: string): Promise<SiteReport> {
    const { status, stdout, stderr } = await this.#run('verify-models', [
      'check',
      '--json',
      ...this.#where(store),
    ]);
    if (stdout === '') throw new Error(stderr);
    return { status: status ?? -1, ...(JSON.parse(stdout) as Omit<SiteReport, 'status'>) };
  }

  #where(store: string): readonly string[] {
    return ['--store', store, '--state', join(this.folder, 'state'), ...this.#trusting];
  }

  #run(
    name: 'verify-models' | 'model-mirror',
    words: readonly string[],
    options?: RunOptions,
  ): Promise<ProgramRun> {
    return run([...this.island.enter, ...built(name), ...words], options);
  }

  /** Starts the mirror; gives `host:port`, which is there and nowhere else. */
  async serve(): Promise<string> {
    const [command = '', ...words] = [...this.island.enter, ...built('model-mirror'), 'serve'];
    const own = ['--listen', '127.0.0.1:0', '--log-level', 'warn', ...this.#mirror];
    const child = spawn(command, [...words, ...own], { env: bare, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#serving = child;
    let said = '';
    for await (const part of child.stdout) {
      said += String(part);
      const host = /serving on http:\/\/(\S+)\n/.exec(said)?.[1];
      if (host !== undefined) return host;
    }
    throw new Error(`model-mirror serve ended: ${said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#serving !== undefined && this.#serving.exitCode === null) {
      const ended = once(this.#serving, 'close');
      this.#serving.kill('SIGTERM');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
