import type { Report } from '../store/index.ts';
import type { CheckEffects, CheckRequest } from './check-request.ts';
import { type HashRun, proof } from './hash-run.ts';
import type { Plan } from './plan.ts';

export interface RunFacts {
  readonly request: CheckRequest;
  readonly effects: CheckEffects;
  readonly plan: Plan;
  readonly run: HashRun;
}

/** Whether this run was no full check, with the finding that says why. */
export function reportPartial(facts: RunFacts, report: Report): boolean {
  const reasons = reasonsOf(facts);
  if (reasons.length === 0) return false;
  const { plan, run } = facts;
  const unhashed = plan.all.reduce((count, index) => count + (run.proofs[index] === proof.none ? 1 : 0), 0);
  const message = `partial: ${reasons.join(', ')}; ${unhashed} of ${plan.all.length} blobs were not hashed`;
  report({ rule: 'check-partial', actual: `${unhashed}`, message });
  return true;
}

function reasonsOf({ request, effects, plan, run }: RunFacts): string[] {
  const { quick, subset, firstFailure } = request;
  const reasons: string[] = [];
  if (effects.signal.aborted) reasons.push('interrupted');
  if (quick) reasons.push('--quick hashes blobs up to 1 MiB');
  if (subset !== undefined) reasons.push(`--subset ${subset.part}/${subset.of}`);
  const limited = quick || subset !== undefined;
  const continued = !limited && request.sealing === undefined && plan.order.length < plan.all.length;
  if (continued) reasons.push('continued where the last limited run stopped');
  if (!run.complete && !effects.signal.aborted) {
    reasons.push(
      firstFailure && run.bad.length > 0 ? '--first-failure' : 'the time was up; the next run continues',
    );
  }
  return reasons;
}

/** The exit status of a run that a signal ended: 128 + N, which the abort gave as its reason; 130 without one. */
export const interruptStatus = (signal: AbortSignal): number =>
  typeof signal.reason === 'number' ? signal.reason : 130;
