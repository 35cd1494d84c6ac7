import { join } from 'node:path';
import type { MirrorSettings } from '../../src/config/index.ts';
import { StateDirectory } from '../../src/state/index.ts';
import type { Io } from '../terminal/index.ts';
import { Custody } from '../transfer/index.ts';
import type { TypedFlags } from './mirror-settings.ts';

/** Flags that are typed for one transfer. */
export interface TransferFlags extends TypedFlags {
  readonly mediaId?: string;
  readonly seal?: string;
}

/** The state of a mirror, which its key lies in. */
export const stateOf =
  (data: string, { now, uid, pid }: Io) =>
  (): StateDirectory =>
    StateDirectory.open(join(data, 'state'), { now, uid, pid });

/** Who signs for this side. @throws KnownError KEY_*, USAGE, STATE_* */
export const custodyOf = (
  settings: Partial<MirrorSettings>,
  { mediaId, seal }: TransferFlags,
  data: string,
  io: Io,
): Promise<Custody> =>
  Custody.open(
    { key: settings['custody-key'], custodian: settings.custodian, mediaId, seal },
    stateOf(data, io),
    io,
  );
