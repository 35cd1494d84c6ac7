import { BoundedMap } from '../bounds/index.ts';

/** Answers that are kept at once. */
const limit = 1000;

/** Answers of a database, kept until it changes: by this process, or by another one that has it open. */
export class Remembered {
  readonly #version: () => unknown;
  #answers = new BoundedMap<string, { readonly answer: unknown }>(limit);
  #seen: unknown;

  /** @param version is another one after each change that another process made */
  constructor(version: () => unknown) {
    this.#version = version;
  }

  async get<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const version = this.#version();
    if (version !== this.#seen) this.forget();
    this.#seen = version;
    // Only this method writes under a key, and a key belongs to one question.
    const known = this.#answers.get(key);
    if (known !== undefined) return known.answer as T;
    const answer = await ask();
    // What was asked before a change is not kept after it.
    if (this.#seen !== version || this.#version() !== version) return answer;
    this.#answers.set(key, { answer });
    return answer;
  }

  /** This process changed something. */
  forget(): void {
    this.#answers = new BoundedMap(limit);
    this.#seen = undefined;
  }
}
