import { KnownError } from '../errors/index.ts';
import type { StateDirectory } from '../state/index.ts';
import {
  bindsFirstContact,
  type ListFact,
  type ListHeader,
  type ListMemory,
  type ListOutcome,
  readListMemory,
  writeListMemory,
} from '../trust/index.ts';

/** What binds a check to a version of the list where nothing is remembered. */
export interface Binding {
  /** Nothing may pass that neither this host nor the caller can tell from an old list. */
  readonly required: boolean;
  readonly expectDigest: string | undefined;
  readonly minVersion: number | undefined;
}

/** What this host remembers; a state that cannot be used is a warning, and a refusal where a check guards a start. */
export class HostMemory {
  readonly #openState: () => StateDirectory;
  #state: StateDirectory | undefined;
  #problem: KnownError | undefined;

  constructor(openState: () => StateDirectory) {
    this.#openState = openState;
  }

  recall(listId: string): ListMemory | undefined {
    if (this.#problem !== undefined) return undefined;
    return this.#attempt(() => {
      this.#state ??= this.#openState();
      return readListMemory(this.#state, listId);
    });
  }

  /** Remembers a list that was accepted, and says where that failed. */
  keep<L extends ListHeader>(outcome: ListOutcome<L>, binding: Binding): ListOutcome<L> {
    if (outcome.accepted) {
      const { remember, recalled } = outcome;
      const state = this.#state;
      if (remember !== undefined && state !== undefined)
        this.#attempt(() => writeListMemory(state, remember, recalled));
    }
    if (this.#problem === undefined) return outcome;
    const fact = notKept(this.#problem);
    if (!outcome.accepted) return { ...outcome, facts: [...outcome.facts, fact] };
    const bound = bindsFirstContact(binding) || outcome.pinned;
    if (!binding.required || bound) return { ...outcome, facts: [...outcome.facts, fact] };
    const facts = [...outcome.facts, { ...fact, rule: 'first-contact' as const }];
    return { accepted: false, facts, summary: outcome.summary };
  }

  #attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof KnownError)) throw error;
      this.#problem = error;
      return undefined;
    }
  }
}

const notKept = ({ message, hint }: KnownError): ListFact => ({
  rule: 'state-not-kept',
  message: `what is accepted is not remembered: ${message}`,
  hint,
});
