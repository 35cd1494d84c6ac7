import { BoundedMap } from '../bounds/index.ts';
import type { ManifestAnswer } from './answers.ts';
import type { ListStanding } from './approved-list.ts';

/** Answers that are kept at once. */
const limit = 1000;

/** For so long an answer is given again, in milliseconds: a busy tag is asked for thousands of times a second. */
const keptMs = 1000;

interface Recent {
  readonly answer: ManifestAnswer;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly under: ListStanding;
}

/** Answers of the last second, each under the list by which it was given. */
export class RecentAnswers {
  readonly #answers = new BoundedMap<string, Recent>(limit);
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  get(key: string, under: ListStanding): ManifestAnswer | undefined {
    const known = this.#answers.get(key);
    if (known === undefined || known.under !== under) return undefined;
    return Math.abs(this.#now().getTime() - known.at) < keptMs ? known.answer : undefined;
  }

  set(key: string, answer: ManifestAnswer, under: ListStanding): void {
    this.#answers.set(key, { answer, at: this.#now().getTime(), under });
  }
}
