import type { AllowList } from '../allow-list/index.ts';
import {
  type AcceptanceRules,
  acceptList,
  type ListMemory,
  type ListOutcome,
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
  rules: Omit<AcceptanceRules, 'recall'>,
  policy: Trust | undefined,
): Promise<ListOutcome<AllowList>> {
  const judge = (by: Trust) => {
    const offer = { bytes, approvals, trust: by, sizeLimit: bytes.length, parse: () => list };
    return acceptList(offer, { ...rules, recall: () => memory });
  };
  const outcome = policy === undefined ? undefined : await judge(policy);
  return outcome === undefined || isAboutPolicy(outcome) ? judge(trust) : outcome;
}

const isAboutPolicy = ({ accepted, facts }: ListOutcome<AllowList>): boolean =>
  !accepted && facts.at(-1)?.rule.startsWith('trust-') === true;
