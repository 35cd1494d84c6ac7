import { KnownError } from '../errors/index.ts';
import { approvalLimit, approvalLines } from './approvals.ts';
import { parseBundle } from './bundle.ts';
import { clockTolerance, graceOf } from './list-dates.ts';
import type { ListMemory } from './list-memory.ts';
import type { ListHeader, ListOffer, Trust } from './list-offer.ts';
import { parsePolicy, type TrustPolicy } from './policy.ts';
import { parseStatement } from './statement.ts';

/**
 * The next date at which a judgement may turn out otherwise although nothing else changed: an approval expires or may
 * count at last, its days of grace are over, a key of the policy may begin or may no longer approve, the policy expires,
 * the clock is no longer behind what is remembered. Undefined where no date is left.
 *
 * Every date in the offer is one of them, whether it counts today or not, and whoever wrote it: one too many is one
 * judgement too many, and a judgement at each of them misses nothing.
 *
 * @param recalled what this host remembers of the list, where that was looked up
 */
export function nextChangeOf(
  { trust, approvals }: Pick<ListOffer<ListHeader>, 'trust' | 'approvals'>,
  recalled: ListMemory | undefined,
  now: Date,
): Date | undefined {
  const policy = policyOf(trust);
  const times = [
    ...(policy === undefined ? [] : datesOf(policy)),
    ...approvalLines(approvals, approvalLimit).flatMap((line) => datesOfApproval(line, policy)),
    ...(recalled === undefined ? [] : [recalled.lastTime.getTime() - clockTolerance]),
  ];
  const next = times.reduce(
    (least, time) => (time > now.getTime() ? Math.min(least, time) : least),
    Infinity,
  );
  return Number.isFinite(next) ? new Date(next) : undefined;
}

function policyOf(trust: Trust): TrustPolicy | undefined {
  if (trust.kind === 'key') return undefined;
  try {
    return parsePolicy(trust.source.current.bytes);
  } catch (error) {
    // What cannot be read has no dates, and no date makes it readable.
    if (error instanceof KnownError) return undefined;
    throw error;
  }
}

const datesOf = ({ expires, keys }: TrustPolicy): number[] =>
  [expires, ...keys.flatMap(({ from, to }) => [from, to])].flatMap((date) => date?.getTime() ?? []);

function datesOfApproval(line: Buffer, policy: TrustPolicy | undefined): number[] {
  const parsed = parseBundle(line);
  if ('problem' in parsed) return [];
  const statement = parseStatement(parsed.bundle.payload);
  if ('problem' in statement) return [];
  const { issued, expires } = statement.claim;
  return [issued.getTime() - clockTolerance, expires.getTime(), expires.getTime() + graceOf(policy)];
}
