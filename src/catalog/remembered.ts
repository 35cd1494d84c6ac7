/** Answers that are kept at once. */
const limit = 1000;

/** Answers of a database, kept until it changes: by this process, or by another one that has it open. */
export class Remembered {
  readonly #version: () => unknown;
  readonly #answers = new Map<string, unknown>();
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
    if (this.#answers.has(key)) return this.#answers.get(key) as T;
    const answer = await ask();
    // What was asked before a change is not kept after it.
    if (this.#seen !== version || this.#version() !== version) return answer;
    // The oldest goes: questions about names that nobody has must not drive out all others at once.
    const oldest = this.#answers.keys().next().value;
    if (this.#answers.size >= limit && oldest !== undefined) this.#answers.delete(oldest);
    this.#answers.set(key, answer);
    return answer;
  }

  /** This process changed something. */
  forget(): void {
    this.#answers.clear();
    this.#seen = undefined;
  }
}
