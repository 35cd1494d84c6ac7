import type { Digest } from '../oci/index.ts';
import type { ApprovalGroup } from './approvals.ts';
import type { Authority } from './list-authority.ts';
import type { ListMemory } from './list-memory.ts';
import { type AcceptanceRules, type ListFact, Refused } from './list-offer.ts';
import type { TrustPolicy } from './policy.ts';

/** Clocks of signers and hosts may differ by so much, in milliseconds. */
export const clockTolerance = 5 * 60 * 1000;

const dayLength = 86_400_000;

/** How long a list that was accepted before goes on after its approval expired, in milliseconds. */
export const graceOf = (policy: TrustPolicy | undefined): number => (policy?.graceDays ?? 0) * dayLength;

/** False when the list is accepted although it expired: then nothing new is remembered. */
export function checkDates(
  { claim }: ApprovalGroup,
  digest: Digest,
  { accepted }: Authority,
  recalled: ListMemory | undefined,
  rules: AcceptanceRules,
  facts: ListFact[],
): boolean {
  const { now } = rules;
  if (recalled !== undefined && now.getTime() < recalled.lastTime.getTime() - clockTolerance) {
    throw new Refused(
      'clock-set-back',
      `the clock says ${now.toISOString()}, and a list was accepted at ${recalled.lastTime.toISOString()}`,
      { hint: 'set the clock, or: verify-models trust accept-clock' },
    );
  }
  if (claim.issued.getTime() > now.getTime() + clockTolerance) {
    throw new Refused(
      'list-not-approved',
      `the approval was issued in the future, at ${claim.issued.toISOString()}`,
    );
  }
  if (claim.expires > now) return true;
  const when = `its approval expired on ${claim.expires.toISOString()}`;
  const grace = graceOf(accepted?.policy);
  const known = recalled?.listDigest === digest;
  if (known && now.getTime() < claim.expires.getTime() + grace) {
    const until = new Date(claim.expires.getTime() + grace).toISOString();
    facts.push({
      rule: 'list-in-grace',
      message: `${when}; it was accepted before and keeps starting until ${until}`,
      hint: 'verify-models sign --renew',
    });
    return false;
  }
  if (rules.allowExpired) {
    facts.push({
      rule: 'list-expired-allowed',
      message: `${when}; --allow-expired accepts it all the same`,
      hint: 'verify-models sign --renew',
    });
    return false;
  }
  throw new Refused('list-expired', `the allow-list is not accepted: ${when}`, {
    hint: 'verify-models sign --renew',
  });
}
