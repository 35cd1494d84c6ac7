import { type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

export interface Cost {
  readonly seconds: number;
  /** Processor time of the whole program, user and system. */
  readonly processorSeconds: number;
  /** Which part of all processors' time went to other work meanwhile, 0 to 1. */
  readonly otherWork: number;
}

/** Nothing of the person who runs the benchmark reaches the programs: no settings, no language. */
const environment = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', LC_ALL: 'C' };

/** `times` of POSIX gives the processor time of ended children: the same measure for every program. */
const timed = '"$@" >/dev/null; status=$?; times; exit $status';

/** Whether a program is there at all. */
export const isInstalled = (command: string): boolean =>
  spawnSync(command, ['--version']).error === undefined;

/** Runs a program to its end. @throws Error when its exit status is not 0 */
export async function measure({ name, command, args }: Program): Promise<Cost> {
  const started = performance.now();
  const busyBefore = busySeconds();
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit'];
  const child = spawn('sh', ['-c', timed, 'sh', command, ...args], { env: environment, stdio });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [status] = await once(child, 'close');
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`${name} ended with ${status}`);
  const processorSeconds = childrenTime(output);
  const others = Math.max(0, busySeconds() - busyBefore - processorSeconds);
  return { seconds, processorSeconds, otherWork: Math.min(1, others / (seconds * cpus().length)) };
}

/** Processor time of the whole machine, since it started. */
const busySeconds = (): number =>
  cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1000, 0);

/** The second line of `times`: user and system time of the children, `0m2.570000s 0m0.870000s`. */
export function childrenTime(output: string): number {
  const line = output.trim().split('\n')[1] ?? '';
  const parts = [...line.matchAll(/(\d+)m([\d.]+)s/g)];
  if (parts.length !== 2) throw new Error(`not the output of times: ${JSON.stringify(output)}`);
  return parts.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

/** The most memory that a program had resident, in MiB; undefined where the system does not tell (no /proc). */
export async function peakMemory({ name, command, args }: Program): Promise<number | undefined> {
  const child = spawn(command, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  let peak: number | undefined;
  const look = setInterval(() => {
    peak = highWaterMark(child.pid) ?? peak;
  }, 2);
  try {
    const [status] = await once(child, 'close');
    if (status !== 0) throw new Error(`${name} ended with ${status}`);
    return peak;
  } finally {
    clearInterval(look);
  }
}

/** VmHWM only ever grows, so that the last look before the end is the one that counts. */
function highWaterMark(pid: number | undefined): number | undefined {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
  } catch {
    return undefined;
  }
}
