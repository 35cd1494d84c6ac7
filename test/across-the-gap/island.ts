import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { shellWord } from '../../src/findings/index.ts';
import { must } from './built-programs.ts';

const loopbackUp = ['--net', 'sh', '-e', '-c', 'ip link set lo up; echo up; exec cat'];

/** Why there can be no island here; false where there can. */
export const noIsland: false | string =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('unshare', loopbackUp, { input: '' }).status === 0 &&
  spawnSync('nsenter', ['--version']).status === 0
    ? false
    : 'needs Linux, root, and the programs unshare, nsenter and ip; not shown on this machine: that an archive suffices where there is no network';

/** Says the error code with which a connection to an address fails, or `connected`. */
const knock = `
const [host, port] = process.argv.slice(1);
const socket = require('node:net').connect({ host, port: Number(port) });
const say = (word) => { console.log(word); process.exit(); };
socket.on('connect', () => say('connected')).on('error', ({ code }) => say(code));
`;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A host that has never had a network, as far as this machine has one: a network namespace with a loopback alone. */
export class Island implements AsyncDisposable {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  /** It waits for the end of its input, and so ends with the test, however that ends. */
  static async make(): Promise<Island> {
    const holder = spawn('unshare', loopbackUp, { stdio: ['pipe', 'pipe', 'inherit'] });
    for await (const said of holder.stdout) if (String(said).includes('up')) return new Island(holder);
    throw new Error('there is no network namespace');
  }

  /** The words before a command that runs there. */
  get enter(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.#holder.pid}/ns/net`, '--'];
  }

  /** A program of this machine as a file that runs it there. */
  wrap(program: string, path: string): string {
    const words = [...this.enter, program].map(shellWord).join(' ');
    writeFileSync(path, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
    return path;
  }

  /** It has no interface but its loopback, no route, and nothing beyond answers: not even what listens on this machine. */
  async assertAlone(here: Address): Promise<void> {
    const facts = (name: string) =>
      readFileSync(`/proc/${this.#holder.pid}/net/${name}`, 'utf8').trim().split('\n');
    const interfaces = facts('dev').slice(2);
    assert.deepEqual(
      interfaces.map((line) => line.trim().split(':')[0]),
      ['lo'],
    );
    assert.deepEqual(facts('route').slice(1), [], 'it has a route');
    for (const line of facts('ipv6_route').filter(Boolean)) assert.match(line, / lo$/);
    const from = (words: readonly string[], { host, port }: Address) =>
      must([...words, process.execPath, '--eval', knock, host, `${port}`]);
    assert.equal(await from([], here), 'connected\n');
    assert.equal(await from(this.enter, here), 'ECONNREFUSED\n');
    // An address for documentation (RFC 5737): without a route no packet leaves.
    assert.equal(await from(this.enter, { host: '192.0.2.1', port: 443 }), 'ENETUNREACH\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#holder, 'close');
    this.#holder.kill('SIGKILL');
    await ended;
  }
}
