import type { Settings } from '../../src/config/index.ts';
import { type CheckRequest, Sealing } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';

/** How long a proof counts by default: seven days. A seal cannot see a disk decay. */
const defaultMaxAgeMs = 7 * 86_400_000;

/** The seals of one run. @param guarded the check decides whether something starts */
export const sealingOf = (settings: Settings, request: CheckRequest, guarded: boolean, io: Io): Sealing =>
  new Sealing(
    {
      openState: request.openState,
      keyFile: settings['seal-key'],
      maxAgeMs: settings['max-age'] ?? defaultMaxAgeMs,
      guarded,
      afresh: settings.full === true,
      host: { ...io.host(), uid: io.uid, home: io.environment.HOME },
      random: (bytes) => io.random(bytes),
      measure: settings['fs-verity'] === true ? io.measureVerity : undefined,
    },
    io.now(),
  );
