import type { MirrorSettings } from '../../src/config/index.ts';
import { StateDirectory } from '../../src/state/index.ts';
import type { OwnList } from '../../src/transfer/index.ts';
import type { Io } from '../terminal/index.ts';

/** The allow-list of a mirror, and by what it is judged; undefined where the settings name none. */
export function ownListOf(
  settings: Partial<MirrorSettings>,
  statePath: string,
  { now, uid, pid }: Pick<Io, 'now' | 'uid' | 'pid'>,
): OwnList | undefined {
  const path = settings['allow-list'];
  if (path === undefined) return undefined;
  return {
    ...{ path, key: settings.key, trust: settings.trust, chunks: settings.chunks },
    ...{ expectDigest: settings['expect-digest'], minVersion: undefined, allowExpired: false },
    ...{ required: false, exact: false, allowCopies: false, requireAll: false, whole: false },
    ...{ now: now(), state: statePath },
    openState: () => StateDirectory.open(statePath, { now, uid, pid }),
  };
}
