import type { ReadStream } from 'node:tty';
import type { Sink } from './io.ts';

const enter = new Set(['\r', '\n', '\u0004']);
const erase = new Set(['\u007f', '\b']);
const interruption = '\u0003';

/**
 * Asks on a terminal without an echo. Undefined where there is none, when it went away, and when the person pressed
 * Ctrl-C, which interrupts the run: in this mode a terminal sends no signal.
 */
export async function askSecret(
  prompt: string,
  input: ReadStream,
  output: Sink,
  interrupt: AbortController,
): Promise<string | undefined> {
  if (input.isTTY !== true) return undefined;
  await output.write(prompt);
  input.setRawMode(true);
  input.setEncoding('utf8');
  try {
    return await read(input, interrupt);
  } finally {
    input.setRawMode(false);
    input.pause();
    await output.write('\n');
  }
}

function read(input: ReadStream, interrupt: AbortController): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let text = '';
  const take = (chunk: string) => {
    for (const char of chunk) {
      if (enter.has(char)) return resolve(text);
      if (char === interruption) return interrupt.abort(130);
      text = erase.has(char) ? [...text].slice(0, -1).join('') : text + char;
    }
  };
  const giveUp = () => resolve(undefined);
  const ends = ['end', 'close', 'error'] as const;
  input.on('data', take);
  for (const event of ends) input.on(event, giveUp);
  interrupt.signal.addEventListener('abort', giveUp);
  if (interrupt.signal.aborted) giveUp();
  input.resume();
  return promise.finally(() => {
    input.off('data', take);
    for (const event of ends) input.off(event, giveUp);
    interrupt.signal.removeEventListener('abort', giveUp);
  });
}
