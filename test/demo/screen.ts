import { spawnSync } from 'node:child_process';

/** Numbered steps, real commands, their output and exit status; remembers whether anything was not as expected. */
export class Screen {
  readonly #say: (line: string) => void;
  #step = 0;
  #surprises = 0;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  get surprises(): number {
    return this.#surprises;
  }

  step(title: string): void {
    this.#step += 1;
    this.#say('');
    this.#say(`${this.#step}. ${title}`);
  }

  /** Runs a command line in a shell, shows it as typed, and holds every line and the exit status against `expected`. */
  run(
    command: string,
    expected: { readonly status: number; readonly lines: readonly (string | RegExp)[] },
  ): void {
    this.#say(`$ ${command}`);
    const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    const output = `${stdout}${stderr}`.replace(/\n$/, '');
    const lines = output === '' ? [] : output.split('\n');
    const count = Math.max(lines.length, expected.lines.length);
    for (let at = 0; at < count; at += 1) this.#compare(lines[at], expected.lines[at]);
    this.#say(`[exit status ${status}]`);
    if (status !== expected.status) this.#surprise(`expected exit status ${expected.status}`);
  }

  /** Shows a program that goes on running, and what it printed so far. */
  started(command: string, output: string, expected: readonly (string | RegExp)[]): void {
    this.#say(`$ ${command} &`);
    const lines = output.replace(/\n$/, '').split('\n');
    const count = Math.max(lines.length, expected.length);
    for (let at = 0; at < count; at += 1) this.#compare(lines[at], expected[at]);
  }

  #compare(line: string | undefined, wanted: string | RegExp | undefined): void {
    if (line !== undefined) this.#say(line);
    const right = wanted instanceof RegExp ? line !== undefined && wanted.test(line) : line === wanted;
    if (!right) this.#surprise(wanted === undefined ? 'this line was not expected' : `expected: ${wanted}`);
  }

  #surprise(what: string): void {
    this.#surprises += 1;
    this.#say(`   ^^^ ${what}`);
  }
}
