import type { ReadStream } from 'node:tty';
import type { Sink } from './io.ts';

const enter = new Set(['\r', '\n', '\u0004']);
const erase = new Set(['\u007f', '\b']);
const interrupt = '\u0003';

/** Asks on a terminal without an echo; undefined where there is none, or when the person pressed Ctrl-C. */
export async function askSecret(
  prompt: string,
  input: ReadStream,
  output: Sink,
): Promise<string | undefined> {
  if (input.isTTY !== true) return undefined;
  await output.write(prompt);
  input.setRawMode(true);
  input.setEncoding('utf8');
  input.resume();
  const typed = await read(input);
  input.setRawMode(false);
  input.pause();
  await output.write('\n');
  return typed;
}

function read(input: ReadStream): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const take = (chunk: string) => {
      for (const char of chunk) {
        if (enter.has(char)) return finish(text);
        if (char === interrupt) return finish(undefined);
        text = erase.has(char) ? [...text].slice(0, -1).join('') : text + char;
      }
    };
    const finish = (answer: string | undefined) => {
      input.off('data', take);
      resolve(answer);
    };
    input.on('data', take);
  });
}
