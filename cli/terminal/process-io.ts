import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isSea } from 'node:sea';
import { addAbortSignal } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeCause, KnownError, systemCode } from '../../src/errors/index.ts';
import { askSecret } from './ask-secret.ts';
import { getLocal } from './get-local.ts';
import type { Io, Sink } from './io.ts';
import { measureVerity } from './measure-verity.ts';
import { makeWait, waitingOutputs } from './standard-flags.ts';

/** Signals that ask for an end, and the exit status that says so. */
const endings = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

/** The real world. The second Ctrl-C ends the process at once. */
export function processIo(): Io {
  const interrupt = new AbortController();
  const waiting = waitingOutputs();
  for (const [signal, status] of endings) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(status);
      interrupt.abort(status);
    });
  }
  const stderr = sinkOf(process.stderr);
  return {
    stdout: sinkOf(process.stdout),
    stderr,
    // A pipe through which nothing comes would hold a process that was asked to end.
    stdin: () => addAbortSignal(interrupt.signal, process.stdin),
    environment: process.env,
    uid: process.getuid?.(),
    pid: process.pid,
    // Threads may escape the permission model: there the work is done without them.
    cores: process.permission === undefined ? availableParallelism() : 0,
    now: () => new Date(),
    monotonic: () => performance.now(),
    every(ms, action) {
      const timer = setInterval(action, ms);
      timer.unref();
      return () => clearInterval(timer);
    },
    after: (ms) => AbortSignal.timeout(ms),
    wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
    become({ uid, gid, name }) {
      if (name === undefined) process.setgroups?.([]);
      else initGroups(name, gid);
      process.setgid?.(gid);
      process.setuid?.(uid);
    },
    actAs: actAsUser,
    replaceProcess(file, words, variables) {
      if (process.execve === undefined)
        throw new KnownError('INTERNAL', { problem: 'this Node has no execve' });
      if (process.permission?.has('child') === false) {
        const problem = 'exec under the permission model of Node.js needs --allow-child-process';
        throw new KnownError('USAGE', { problem });
      }
      // Node ignores these two, and what is ignored stays so across execve: a handler makes it the default again.
      for (const ignored of ['SIGPIPE', 'SIGXFSZ'] as const) process.on(ignored, () => {});
      for (const fd of waiting) makeWait(fd === 1 ? process.stdout : process.stderr);
      // From here on nobody would hear them any more: they end this process, as they would end the command.
      for (const [signal] of endings) process.removeAllListeners(signal);
      return process.execve(file, [...words], { ...variables });
    },
    get: getLocal,
    measureVerity,
    platform: process.platform,
    get directory() {
      return workingDirectory();
    },
    program: process.execPath,
    singleExecutable: isSea(),
    host: processHost,
    random: (bytes) => randomBytes(bytes),
    askSecret: (prompt) => askSecret(prompt, process.stdin, stderr, interrupt),
    interrupted: interrupt.signal,
  };
}

function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    // It was removed: no relative path means anything there, and Node.js starts no thread.
    const problem = `there is no working directory (${describeCause(error)}); change to one that is there`;
    throw new KnownError('USAGE', { problem }, error);
  }
}

/** What Linux says of mounts and boot; elsewhere neither is known. */
export const processHost: Io['host'] = () => ({
  mountInfo: textOf('/proc/self/mountinfo'),
  bootId: textOf('/proc/sys/kernel/random/boot_id')?.trim(),
  groups: process.getgroups?.() ?? [],
});

/** Effective ids alone: the saved ones lead back. */
function actAsUser({ uid, gid }: { readonly uid: number; readonly gid: number }): () => void {
  const before = { uid: process.geteuid?.(), gid: process.getegid?.(), groups: process.getgroups?.() ?? [] };
  process.setgroups?.([gid]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  return () => {
    if (before.uid !== undefined) process.seteuid?.(before.uid);
    if (before.gid !== undefined) process.setegid?.(before.gid);
    process.setgroups?.(before.groups);
  };
}

/** `process.initgroups` (Node's documentation of process), which its types lack: the groups that a user has. */
function initGroups(name: string, gid: number): void {
  const call: unknown = Reflect.get(process, 'initgroups');
  if (typeof call !== 'function')
    throw new KnownError('INTERNAL', { problem: 'this Node has no initgroups' });
  Reflect.apply(call, process, [name, gid]);
}

/** A text of the kernel, where there is one. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** What a write says when the reader went away (`| head`): what is left to say has no listener. */
const readerGone: readonly (string | undefined)[] = ['EPIPE', 'ECONNRESET'];

function sinkOf(stream: NodeJS.WriteStream): Sink {
  let closed = false;
  let failure: string | undefined;
  const note = (error: Error) => {
    closed = true;
    if (!readerGone.includes(systemCode(error))) failure ??= describeCause(error);
  };
  stream.on('error', note);
  return {
    isTerminal: stream.isTTY === true,
    // Some terminals say that they have no columns, or no rows.
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || undefined;
    },
    get failure() {
      return failure;
    },
    write(text) {
      if (closed) return Promise.resolve();
      return new Promise((resolve) => {
        stream.write(text, (error) => {
          if (error) note(error);
          resolve();
        });
      });
    },
  };
}
