import { readFileSync, readlinkSync } from 'node:fs';

/**
 * What tells a process from every other one of this boot, where the system says it (Linux): a number alone may belong
 * to another process tomorrow, or in another container today.
 */
export function processMark(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const namespace = readlinkSync('/proc/self/ns/pid');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command may hold spaces and brackets; the start time is the 20th field behind it (proc_pid_stat(5)).
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot} ${namespace} ${pid} ${started}`;
  } catch {
    return undefined;
  }
}

/** Whether a mark of this machine, this boot and this container belongs to a process that is gone. */
export function isGone(mark: string): boolean {
  const match = /^(\S+) (\S+) (\d+) \d+$/.exec(mark);
  const own = processMark(process.pid)?.split(' ');
  if (match === null || own === undefined || match[1] !== own[0] || match[2] !== own[1]) return false;
  return processMark(Number(match[3])) !== mark;
}
