import { FakeIo } from '../fixtures/fake-io.ts';
import { bareEnvironment, type MainRun, runMainWith } from '../fixtures/run-main.ts';

const mebi = 1024 * 1024;

/** The layers of a model whose check takes three seconds in `execWhile`, more than one of them for the second blob. */
export const slowLayers = [
  { kind: 'model', bytes: Buffer.alloc(2.25 * mebi, 5) },
  { kind: 'adapter', bytes: Buffer.alloc(2 * mebi, 6) },
];
/** Percent of the bytes: the first is done, and some of the second too. */
const second = 55;

/**
 * `exec` of a store of `slowLayers`, in this process, with a change to it while the second blob is hashed.
 *
 * @param words the flags of exec, which name the store
 */
export async function execWhile(words: readonly string[], change: () => void): Promise<MainRun> {
  let watcher: NodeJS.Timeout | undefined;
  const io = new FakeIo({
    environment: bareEnvironment,
    // The progress has a timer: time passes for it until a line says that it is time.
    onTimer: (own) => {
      watcher ??= setInterval(() => {
        own.pass(5000);
        const percent = Number(/\((\d+) %\)/.exec(own.stderr.lines.at(-1) ?? '')?.[1] ?? 0);
        if (percent < second) return;
        clearInterval(watcher);
        if (percent < 100) change();
      }, 5);
    },
  });
  const flags = ['--jobs', '1', '--max-rate', '1.5MB/s', '--progress', 'plain'];
  try {
    return await runMainWith(io, ['exec', ...flags, ...words, '--', 'sh']);
  } finally {
    clearInterval(watcher);
  }
}
