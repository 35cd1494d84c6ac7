import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Fields of a line of /proc/net/tcp (proc_pid_net(5)): local address and port, state, inode of the socket. */
const listening = '0A';

/**
 * The process that listens on a TCP port of this network namespace, and its descendants: Ollama runs each model in a child.
 * Another Ollama of this machine, with a store of its own, does not count. Empty where the process may not be looked at.
 */
export function serverProcesses(port: number, proc = '/proc'): ReadonlySet<number> {
  const sockets = new Set(['tcp', 'tcp6'].flatMap((name) => listeners(join(proc, 'net', name), port)));
  const parents = parentsOf(proc);
  const found = new Set<number>();
  for (const pid of parents.keys()) if (hasOneOf(join(proc, `${pid}`, 'fd'), sockets)) found.add(pid);
  const isBelow = (pid: number | undefined): boolean => {
    for (let above = pid, steps = 0; above !== undefined && steps < parents.size; steps += 1) {
      if (found.has(above)) return true;
      above = parents.get(above);
    }
    return false;
  };
  return new Set([...parents.keys()].filter(isBelow));
}

/** Links to the sockets that listen on a port, as /proc/PID/fd shows them. */
function listeners(path: string, port: number): string[] {
  const lines = textOf(path)?.split('\n').slice(1) ?? [];
  return lines.flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    const at = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16);
    return state === listening && at === port ? [`socket:[${inode}]`] : [];
  });
}

function hasOneOf(folder: string, links: ReadonlySet<string>): boolean {
  try {
    return readdirSync(folder).some((fd) => links.has(linkAt(join(folder, fd))));
  } catch {
    return false;
  }
}

/** Each process with its parent: field 4 of /proc/PID/stat, after a name that may hold anything. */
function parentsOf(proc: string): Map<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync(proc)) {
    const stat = /^\d+$/.test(name) ? textOf(join(proc, name, 'stat')) : undefined;
    const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (Number.isInteger(parent)) parents.set(Number(name), parent);
  }
  return parents;
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
