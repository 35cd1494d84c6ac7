import { constants, readFileSync } from 'node:fs';

/**
 * Which of stdout and stderr would make a writer wait. Node.js makes pipes and sockets non-blocking as soon as it looks at
 * them, and that holds for everyone who has the same pipe, also for what runs after execve: this must be asked before.
 * Where nobody can say (no /proc), both would.
 */
export function waitingOutputs(): readonly (1 | 2)[] {
  return ([1, 2] as const).filter((fd) => {
    try {
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
      return flags === undefined || (Number.parseInt(flags, 8) & constants.O_NONBLOCK) === 0;
    } catch {
      return true;
    }
  });
}

/** Makes the pipe or socket below a stream wait again; files and terminals never ceased to. */
export function makeWait(stream: NodeJS.WriteStream): void {
  // Node.js has no public way: `_handle` is what a net.Socket stands on, and setBlocking its call of fcntl.
  const handle: unknown = Reflect.get(stream, '_handle');
  if (typeof handle !== 'object' || handle === null) return;
  const call: unknown = Reflect.get(handle, 'setBlocking');
  if (typeof call === 'function') Reflect.apply(call, handle, [true]);
}
