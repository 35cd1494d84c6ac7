import type { AllowList } from '../allow-list/index.ts';
import {
  type AcceptanceRules,
  acceptList,
  type ListMemory,
  type ListOutcome,
  type PolicySource,
  type PolicyStart,
  type Trust,
} from '../trust/index.ts';

/** A list that was accepted, with all that it was judged by: it is judged again without its files, which may be others by then. */
export interface HeldList {
  readonly bytes: Uint8Array;
  readonly approvals: Uint8Array;
  readonly trust: Trust;
  /** What the bytes say. */
  readonly list: AllowList;
  /** What this host remembered of it then. */
  readonly memory: ListMemory | undefined;
}

/**
 * Judges a list that is in force once more, as if it were offered now: by the policy as it lies there now, or by the one
 * under which it was accepted where that is no policy that this host accepts (half copied, not yet approved, an older
 * one). Nothing is remembered.
 *
 * @param policy as it lies there now; undefined where there is none, or it cannot be read
 */
export async function judgeAgain(
  { bytes, approvals, trust, list, memory }: HeldList,
  rules: Omit<AcceptanceRules, 'recall' | 'expected'>,
  policy: PolicySource | undefined,
): Promise<ListOutcome<AllowList>> {
  const judge = (by: Trust) => {
    const offer = { bytes, approvals, trust: by, sizeLimit: bytes.length, parse: () => list };
    return acceptList(offer, { ...rules, recall: () => memory });
  };
  const outcome =
    policy === undefined
      ? undefined
      : await judge({ kind: 'policy', source: policy, start: startOf(memory) });
  return outcome === undefined || isAboutPolicy(outcome) ? judge(trust) : outcome;
}

/** The policy under which the list was accepted last, from which the one that lies here now must follow. */
function startOf(memory: ListMemory | undefined): PolicyStart {
  if (memory?.trustDigest === undefined || memory.trustVersion === 0) return 'first-contact';
  return { listId: memory.listId, version: memory.trustVersion, digest: memory.trustDigest };
}

/** The list itself is the one that was accepted: of another id can only be the policy. */
const isAboutPolicy = ({ accepted, facts }: ListOutcome<AllowList>): boolean => {
  const rule = facts.at(-1)?.rule;
  return !accepted && (rule?.startsWith('trust-') === true || rule === 'list-of-another');
};
