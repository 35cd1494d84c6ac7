import { KnownError } from '../errors/index.ts';
import type { StateDirectory } from '../state/index.ts';
import {
  bindsFirstContact,
  type ExpectedListId,
  keyRoot,
  type ListFact,
  type ListHeader,
  type ListMemory,
  type ListOutcome,
  type PolicyAnchor,
  type PolicySource,
  parsePolicy,
  policyListId,
  readListMemory,
  readPlace,
  type TrustPolicy,
  type TrustRoot,
  writeListMemory,
  writePlace,
} from '../trust/index.ts';

/** What binds a check to a version of the list where nothing is remembered. */
export interface Binding {
  /** Nothing may pass that neither this host nor the caller can tell from an old list. */
  readonly required: boolean;
  /** Something is brought in, served or started by this list: a memory that is there and damaged refuses it. */
  readonly acts?: boolean | undefined;
  readonly expectDigest: string | undefined;
  readonly minVersion: number | undefined;
}

/** By which root of trust something is remembered, and where the list is kept. */
export interface MemoryScope {
  readonly root: TrustRoot;
  /** Absolute path of the list, and the URL that it comes from; the first is asked first. */
  readonly places: readonly string[];
}

/** What this host remembers; a state that cannot be used is a warning, and a refusal where a check guards a start. */
export class HostMemory {
  readonly #openState: () => StateDirectory;
  readonly #scope: MemoryScope;
  #state: StateDirectory | undefined;
  #problem: KnownError | undefined;
  /** What lies in the state of this root now: what is written may go below it after a rotation, and below nothing else. */
  #replaces: ListMemory | undefined;

  constructor(openState: () => StateDirectory, scope: MemoryScope) {
    this.#openState = openState;
    this.#scope = scope;
  }

  /** What is remembered of a list under this root; undefined at the first contact, or where the state is of no use. */
  recall(listId: string): ListMemory | undefined {
    return this.#readRoot(this.#scope.root, listId);
  }

  /**
   * The same under a policy: a host that went by one key before, and now by a policy that names the key, goes on from
   * what it accepted by that key.
   */
  recallUnder(source: PolicySource, listId: string): ListMemory | undefined {
    return this.#highest(
      listId,
      listKeysOf(source).map((key) => this.#readRoot(keyRoot(key), listId)),
    );
  }

  /** The same by one key: what a policy that names it has reached counts too, so that the way back loses nothing. */
  recallByKey(listId: string): ListMemory | undefined {
    const byPolicy = this.#readRoot('policy', listId);
    const names = byPolicy?.listKeys?.some((id) => keyRoot({ id }) === this.#scope.root) === true;
    return this.#highest(listId, [names ? byPolicy : undefined]);
  }

  /** The memory of this root, with the version of whichever root is ahead of it. */
  #highest(listId: string, others: readonly (ListMemory | undefined)[]): ListMemory | undefined {
    const own = this.recall(listId);
    this.#replaces = own;
    const ahead = others
      .flatMap((other) => other ?? [])
      .reduce((best, other) => (other.listVersion > (best?.listVersion ?? 0) ? other : best), own);
    if (ahead === undefined || ahead === own) return own;
    const { listVersion, listDigest } = ahead;
    const lastTime = own !== undefined && own.lastTime > ahead.lastTime ? own.lastTime : ahead.lastTime;
    const { trustVersion, trustDigest } = own ?? { trustVersion: 0, trustDigest: undefined };
    return { listId, listVersion, listDigest, trustVersion, trustDigest, lastTime };
  }

  #readRoot(root: TrustRoot, listId: string): ListMemory | undefined {
    return this.#read((state) => readListMemory(state, root, listId));
  }

  /** The policy that a chain was followed to, for the list id of the policy that lies on this host. */
  policyFor(source: PolicySource): PolicyAnchor | undefined {
    const listId = policyListId(source);
    const memory = listId === undefined ? undefined : this.recall(listId);
    if (memory?.trustDigest === undefined || memory.trustVersion === 0) return undefined;
    return { listId: memory.listId, version: memory.trustVersion, digest: memory.trustDigest };
  }

  /** The id that the list must have: the one that was typed, else the one that belongs to its place. */
  expected(typed: string | undefined): ExpectedListId | undefined {
    if (typed !== undefined) return { listId: typed, because: `--list-id names ${typed}` };
    for (const place of this.#scope.places) {
      const listId = this.#read((state) => readPlace(state, place, this.#scope.root));
      if (listId !== undefined)
        return { listId, because: `this host accepted ${listId} from ${place} before` };
    }
    return undefined;
  }

  /** What is wrong with a memory that is there and cannot be read; undefined where nothing is. */
  get damage(): KnownError | undefined {
    return this.#problem?.code === 'STATE_DAMAGED' ? this.#problem : undefined;
  }

  /** Remembers a list that was accepted, and says where that failed. */
  keep<L extends ListHeader>(outcome: ListOutcome<L>, binding: Binding): ListOutcome<L> {
    if (outcome.accepted) this.#remember(outcome);
    if (this.#problem === undefined) return outcome;
    const fact = notKept(this.#problem);
    if (!outcome.accepted) return { ...outcome, facts: [...outcome.facts, fact] };
    const damaged = this.damage !== undefined;
    // A policy that was met just now pins itself; where there was a memory, that is no reason to do without it.
    const bound = bindsFirstContact(binding) || (outcome.pinned && !damaged);
    const guarded = binding.required || (damaged && binding.acts === true);
    if (!guarded || bound) return { ...outcome, facts: [...outcome.facts, fact] };
    const facts = [...outcome.facts, { ...fact, rule: 'first-contact' as const }];
    return { accepted: false, facts, summary: outcome.summary };
  }

  /** The version first: a run that stops in between has a place too few, which is a first contact of the place. */
  #remember({ remember }: Extract<ListOutcome<ListHeader>, { accepted: true }>): void {
    const state = this.#state;
    if (remember === undefined || state === undefined) return;
    const { root, places } = this.#scope;
    this.#attempt(() => {
      writeListMemory(state, root, remember, this.#replaces);
      for (const place of places)
        if (readPlace(state, place, root) !== remember.listId)
          writePlace(state, place, root, remember.listId);
    });
  }

  #read<T>(read: (state: StateDirectory) => T): T | undefined {
    // A file that is damaged says nothing of the other ones; a directory that cannot be opened is not tried again.
    if (this.#problem !== undefined && this.#state === undefined) return undefined;
    return this.#attempt(() => {
      this.#state ??= this.#openState();
      return read(this.#state);
    });
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

/** The keys that a policy lets approve lists; none where it is no policy, which its judgement says. */
function listKeysOf({ current }: PolicySource): TrustPolicy['keys'][number]['key'][] {
  let policy: TrustPolicy;
  try {
    policy = parsePolicy(current.bytes);
  } catch (error) {
    if (error instanceof KnownError) return [];
    throw error;
  }
  return policy.keys.filter(({ name }) => policy.list.signers.includes(name)).map(({ key }) => key);
}

const notKept = ({ message, hint }: KnownError): ListFact => ({
  rule: 'state-not-kept',
  message: `what is accepted is not remembered: ${message}`,
  hint,
});
