import { ApprovedList } from '../../src/admission/index.ts';
import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { defaultStatePath } from '../../src/state/index.ts';
import { openList, settleList } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { requestOf } from './check.ts';
import { listRequestOf, lookingAt } from './list-request.ts';

/**
 * The allow-list by which something is brought into a store; undefined where the settings name none.
 *
 * @param looks for a look: nothing is remembered
 * @throws KnownError LIST_NOT_ACCEPTED, USAGE, KEY_*
 */
export async function approvedListOf(
  settings: Settings,
  store: string,
  io: Io,
  looks = false,
): Promise<ApprovedList | undefined> {
  const { openState } = requestOf([], settings, store, io);
  const request = { ...listRequestOf(settings, openState, io.now()), acts: true };
  const statePath = settings.state ?? defaultStatePath(io.environment, io.uid);
  const listed = await openList(looks ? lookingAt(request, statePath) : request);
  if (listed === undefined) return undefined;
  const outcome = await settleList(listed);
  if (outcome.accepted) return new ApprovedList(outcome.list, listed.companions, outcome.summary.digest);
  throw new KnownError('LIST_NOT_ACCEPTED', {
    reason: outcome.facts.at(-1)?.message ?? 'it cannot be judged',
  });
}
