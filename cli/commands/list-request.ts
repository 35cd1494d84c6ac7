import { existsSync } from 'node:fs';
import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type CheckReport, printable } from '../../src/report/index.ts';
import type { ListRequest } from '../../src/verify/index.ts';
import type { Sink } from '../terminal/index.ts';
import type { TypedFlags } from './context.ts';

/** What a command line and its settings say of the allow-list. */
export function listRequestOf(
  settings: Settings,
  openState: ListRequest['openState'],
  now: Date,
): ListRequest {
  return {
    path: settings['allow-list'],
    key: settings.key,
    trust: settings.trust,
    listId: settings['list-id'],
    chunks: settings.chunks,
    expectDigest: settings['expect-digest'],
    minVersion: settings['min-version'],
    allowExpired: settings['allow-expired'] === true,
    required: settings['require-allow-list'] === true,
    exact: settings.exact === true,
    allowCopies: settings['allow-copies'] === true,
    requireAll: settings['require-all'] === true,
    whole: settings.whole === true,
    now,
    state: settings.state,
    openState,
  };
}

/** The same for a look: where there is no state none is made, and nothing is remembered in it. */
export const lookingAt = <T extends ListRequest>(request: T, statePath: string): T => ({
  ...request,
  remembers: false,
  openState() {
    if (existsSync(statePath)) return request.openState();
    throw new KnownError('STATE_UNUSABLE', { path: statePath, problem: 'it is not there' });
  },
});

/** Flags that say something of a list, as commander names them and as they are typed. */
const aboutList = [
  ['key', '--key'],
  ['trust', '--trust'],
  ['listId', '--list-id'],
  ['chunks', '--chunks'],
  ['expectDigest', '--expect-digest'],
  ['minVersion', '--min-version'],
  ['allowExpired', '--allow-expired'],
  ['exact', '--exact'],
  ['allowCopies', '--allow-copies'],
  ['requireAll', '--require-all'],
  ['whole', '--whole'],
] as const;

/** The setting that leaves bytes unread, if there is one. */
export const leavesUnread = (settings: Settings): string | undefined =>
  (['quick', 'subset', 'max-duration'] as const).find((key) => Boolean(settings[key]));

/**
 * Refuses a flag that would silently say nothing: one about a list where there is none, and one that leaves bytes
 * unread where the check guards a start.
 *
 * @throws KnownError USAGE
 */
export function refuseListNonsense(settings: Settings, flags: TypedFlags): void {
  const required = settings['require-allow-list'] === true;
  const typed = aboutList.find(([key]) => flags[key] !== undefined);
  if (settings['allow-list'] === undefined && !required && typed !== undefined) {
    throw new KnownError('USAGE', { problem: `${typed[1]} says nothing without --allow-list FILE` });
  }
  const partial = leavesUnread(settings);
  if (!required || partial === undefined) return;
  const problem = `--${partial} leaves bytes unread, and --require-allow-list guards a start`;
  throw new KnownError('USAGE', { problem });
}

/** Said to the person whatever goes to stdout: an expired approval that was accepted must not go unseen. */
export async function tellAllowedExpiry({ findings }: CheckReport, stderr: Sink): Promise<void> {
  for (const { rule, message } of findings) {
    if (rule === 'list-expired-allowed') await stderr.write(`warning: ${printable(message)}\n`);
  }
}
