import type { AllowList } from '../allow-list/index.ts';
import { Companions, listSizeLimit, parseAllowList } from '../allow-list/index.ts';
import { describeCause, KnownError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { StateDirectory } from '../state/index.ts';
import {
  acceptList,
  approvalsPath,
  approvalsSizeLimit,
  keySizeLimit,
  type ListFact,
  type ListMemory,
  type ListOffer,
  type ListOutcome,
  parsePublicKey,
  policySource,
  readIfThere,
  readListMemory,
  readUpTo,
  type Trust,
  writeListMemory,
} from '../trust/index.ts';
import type { ListForCheck } from './apply-list.ts';

/** Where a list lies and by what it is judged. */
export interface ListRequest {
  /** Undefined when none was given. */
  readonly path: string | undefined;
  readonly key: string | undefined;
  readonly trust: string | undefined;
  /** Directory of chunk tables; beside the list by default. */
  readonly chunks: string | undefined;
  readonly expectDigest: Digest | undefined;
  readonly minVersion: number | undefined;
  readonly allowExpired: boolean;
  /** Without an acceptable list nothing passes, and a first contact must be bound. */
  readonly required: boolean;
  readonly exact: boolean;
  readonly allowCopies: boolean;
  readonly requireAll: boolean;
  readonly whole: boolean;
  readonly now: Date;
  /** @throws KnownError STATE_* */
  readonly openState: () => StateDirectory;
}

/**
 * Reads and judges the allow-list of a check, and remembers it once it is accepted. What is wrong with it becomes
 * facts: integrity is checked all the same.
 *
 * @throws KnownError USAGE, KEY_* for what was typed wrong
 */
export async function openList(request: ListRequest): Promise<ListForCheck | undefined> {
  const { path, exact, allowCopies, requireAll, whole } = request;
  const rest = { exact, allowCopies, requireAll, whole };
  if (path === undefined) {
    if (!request.required) return undefined;
    const message = 'no allow-list was given, and --require-allow-list asks for one';
    const hint = 'verify-models --allow-list FILE --key PUB';
    return {
      outcome: refused({ rule: 'list-unreadable', message, hint }),
      companions: new Companions('.'),
      ...rest,
    };
  }
  const companions = new Companions(path, request.chunks);
  return { outcome: await judge(path, request), companions, ...rest };
}

const refused = (fact: ListFact): ListOutcome<AllowList> => ({
  accepted: false,
  facts: [fact],
  summary: undefined,
});

async function judge(path: string, request: ListRequest): Promise<ListOutcome<AllowList>> {
  const trust = trustOf(request);
  if ('fact' in trust) return refused(trust.fact);
  let offer: ListOffer<AllowList>;
  try {
    const approvals = readIfThere(approvalsPath(path), approvalsSizeLimit) ?? Buffer.alloc(0);
    const bytes = readUpTo(path, listSizeLimit);
    offer = { bytes, approvals, trust: trust.trust, sizeLimit: listSizeLimit, parse: parseAllowList };
  } catch (error) {
    return refused({
      rule: 'list-unreadable',
      message: `the allow-list ${path} cannot be read: ${describeCause(error)}`,
    });
  }
  const memory = new HostMemory(request);
  const outcome = await acceptList(offer, {
    now: request.now,
    recall: (listId) => memory.recall(listId),
    minVersion: request.minVersion,
    expectDigest: request.expectDigest,
    allowExpired: request.allowExpired,
    bound: request.required,
  });
  return memory.keep(outcome);
}

/** A key or a policy; exactly one of them. */
function trustOf({ key, trust }: ListRequest): { readonly trust: Trust } | { readonly fact: ListFact } {
  if ((key === undefined) === (trust === undefined)) {
    throw new KnownError('USAGE', { problem: '--allow-list needs either --key PUB or --trust FILE' });
  }
  if (key !== undefined) return { trust: { kind: 'key', key: parsePublicKey(readKey(key)), name: key } };
  try {
    return { trust: { kind: 'policy', source: policySource(trust ?? '') } };
  } catch (error) {
    return { fact: { rule: 'trust-malformed', message: describeCause(error) } };
  }
}

function readKey(path: string): string {
  try {
    return readUpTo(path, keySizeLimit).toString('utf8');
  } catch (error) {
    throw new KnownError('KEY_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
}

/** What this host remembers; a state that cannot be used is a warning, and a refusal where a check guards a start. */
class HostMemory {
  readonly #request: ListRequest;
  #state: StateDirectory | undefined;
  #problem: string | undefined;

  constructor(request: ListRequest) {
    this.#request = request;
  }

  recall(listId: string): ListMemory | undefined {
    if (this.#problem !== undefined) return undefined;
    return this.#attempt(() => {
      this.#state ??= this.#request.openState();
      return readListMemory(this.#state, listId);
    });
  }

  keep(outcome: ListOutcome<AllowList>): ListOutcome<AllowList> {
    if (!outcome.accepted) return outcome;
    const { remember, recalled } = outcome;
    const state = this.#state;
    if (remember !== undefined && state !== undefined)
      this.#attempt(() => writeListMemory(state, remember, recalled));
    if (this.#problem === undefined) return outcome;
    const { required, expectDigest, minVersion } = this.#request;
    const bound = expectDigest !== undefined || minVersion !== undefined || outcome.pinned;
    const message = `what was accepted is not remembered: ${this.#problem}`;
    if (!required || bound)
      return { ...outcome, facts: [...outcome.facts, { rule: 'state-not-kept', message }] };
    return {
      accepted: false,
      facts: [...outcome.facts, { rule: 'first-contact', message }],
      summary: outcome.summary,
    };
  }

  #attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof KnownError)) throw error;
      this.#problem = error.message;
      return undefined;
    }
  }
}
