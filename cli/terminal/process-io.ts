import { availableParallelism } from 'node:os';
import type { Io, Sink } from './io.ts';

/** The real world. The second Ctrl-C ends the process at once. */
export function processIo(): Io {
  const interrupt = new AbortController();
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(status);
      interrupt.abort(status);
    });
  }
  return {
    stdout: sinkOf(process.stdout),
    stderr: sinkOf(process.stderr),
    environment: process.env,
    uid: process.getuid?.(),
    pid: process.pid,
    cores: availableParallelism(),
    now: () => new Date(),
    monotonic: () => performance.now(),
    every(ms, action) {
      const timer = setInterval(action, ms);
      timer.unref();
      return () => clearInterval(timer);
    },
    after: (ms) => AbortSignal.timeout(ms),
    interrupted: interrupt.signal,
  };
}

function sinkOf(stream: NodeJS.WriteStream): Sink {
  let gone = false;
  stream.on('error', () => {
    // The reader went away (EPIPE: `| head`); what is left to say has no listener.
    gone = true;
  });
  return {
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns ?? 80;
    },
    write(text) {
      if (gone || stream.write(text)) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          stream.off('drain', done).off('error', done).off('close', done);
          resolve();
        };
        stream.once('drain', done).once('error', done).once('close', done);
      });
    },
  };
}
