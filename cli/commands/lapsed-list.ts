import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { judgeAgain, type ListForCheck, policyNow, rulesOf } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { listRequestOf } from './list-request.ts';

/**
 * A check may last for hours: nothing starts by a list that was accepted when it began, and of which a date has come since.
 *
 * @throws KnownError LIST_NOT_ACCEPTED
 */
export async function refuseLapsed(
  list: ListForCheck | undefined,
  openState: OpenState,
  settings: Settings,
  { now }: Io,
): Promise<void> {
  const { nextChange } = list?.outcome ?? {};
  if (list?.held === undefined || nextChange === undefined || now() < nextChange) return;
  const request = listRequestOf(settings, openState, now());
  const { accepted, facts } = await judgeAgain(list.held, rulesOf(request), policyNow(request));
  if (accepted) return;
  const reason = facts.at(-1)?.message ?? 'a date of it came';
  throw new KnownError('LIST_NOT_ACCEPTED', {
    reason: `it was, until the store had been checked; ${reason}`,
  });
}

type OpenState = Parameters<typeof listRequestOf>[1];
