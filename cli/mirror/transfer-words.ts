import { join } from 'node:path';
import type { MirrorSettings } from '../../src/config/index.ts';
import { noteSigner } from '../../src/custody/index.ts';
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

/** Who signs for this side; the log verifies what that key signed of it. @throws KnownError KEY_*, USAGE, STATE_* */
export async function custodyOf(
  settings: Partial<MirrorSettings>,
  { mediaId, seal }: TransferFlags,
  data: string,
  io: Io,
): Promise<Custody> {
  const openState = stateOf(data, io);
  const words = { key: settings['custody-key'], custodian: settings.custodian, mediaId, seal };
  const custody = await Custody.open(words, openState, io);
  noteSigner(openState(), custody.key.publicKey);
  return custody;
}
