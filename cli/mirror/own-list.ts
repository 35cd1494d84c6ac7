import type { MirrorSettings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { StateDirectory } from '../../src/state/index.ts';
import type { OwnList } from '../../src/transfer/index.ts';
import type { Io } from '../terminal/index.ts';

/**
 * The allow-list of a mirror, and by what it is judged; undefined where the settings name none.
 *
 * @param remembers false where nothing may be made for it, not even the directory of what is remembered
 */
export function ownListOf(
  settings: Partial<MirrorSettings>,
  statePath: string,
  { now, uid, pid }: Pick<Io, 'now' | 'uid' | 'pid'>,
  remembers = true,
): OwnList | undefined {
  const path = settings['allow-list'];
  if (path === undefined) return undefined;
  return {
    ...{ path, key: settings.key, trust: settings.trust, listId: settings['list-id'] },
    chunks: settings.chunks,
    ...{ expectDigest: settings['expect-digest'], minVersion: undefined, allowExpired: false },
    ...{ required: false, acts: true, exact: false, allowCopies: false, requireAll: false, whole: false },
    ...{ now: now(), state: statePath },
    openState() {
      if (remembers) return StateDirectory.open(statePath, { now, uid, pid });
      throw new KnownError('STATE_UNUSABLE', { path: statePath, problem: 'it is not there' });
    },
  };
}
