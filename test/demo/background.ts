import { type ChildProcess, spawn } from 'node:child_process';

/** Programs that run beside the demo, and end with it. */
export class Background implements Disposable {
  readonly #children: ChildProcess[] = [];

  /** Starts a program and gives its output up to the line that holds `last`. */
  async start(command: string, words: readonly string[], last: RegExp): Promise<string> {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#children.push(child);
    let text = '';
    for await (const part of child.stdout) {
      text += String(part);
      if (last.test(text)) return text;
    }
    throw new Error(`${command} ended: ${text}`);
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGTERM');
  }
}
