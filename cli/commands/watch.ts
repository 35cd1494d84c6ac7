import type { ListenAddress } from '../../src/config/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { Admin } from '../../src/observe/index.ts';
import { type Io, liesInStore, tellFacts } from '../terminal/index.ts';
import { refuseFormats, settingsOf, storeOf, type TypedFlags } from './context.ts';
import { refuseListNonsense } from './list-request.ts';
import { surroundingsOf } from './swappable.ts';
import { WatchRun } from './watch-run.ts';
import { WatchState } from './watch-state.ts';

/**
 * `verify-models watch`: checks what changes as it changes, and everything on a schedule, until Ctrl-C or SIGTERM. Ends
 * with 0 then: what was found was said when it was found.
 */
export async function runWatch(flags: TypedFlags, io: Io): Promise<number> {
  refuseFormats(flags, 'watch');
  const settings = settingsOf(flags, io);
  refuseListNonsense(settings, flags);
  const { path: store, named } = await storeOf(settings, io);
  const guarded = settings['require-allow-list'] === true;
  const surroundings = () => surroundingsOf({ settings, flags, named, guarded }, io);
  const { textfile } = settings;
  if (textfile !== undefined && liesInStore(textfile, store))
    throw new KnownError('REPORT_IN_STORE', { path: textfile });
  const state = new WatchState(settings, io);
  const admin = new Admin({ ready: async () => state.wrong, metrics: () => state.metrics.text() });
  try {
    if (settings['metrics-listen'] !== undefined) await listen(admin, settings['metrics-listen'], io);
    // What only warns is told once, and stands in no line of a pass.
    await tellFacts(surroundings().facts ?? [], io);
    await new WatchRun(settings, store, state, io, surroundings).run();
    await state.told();
    return 0;
  } finally {
    await admin.close();
  }
}

async function listen(admin: Admin, { host, port }: ListenAddress, io: Io): Promise<void> {
  try {
    const at = await admin.listen(host, port);
    const shown = host.includes(':') ? `[${host}]` : host;
    await io.stderr.write(`metrics and health on http://${shown}:${at.port}\n`);
  } catch (error) {
    throw new KnownError(
      'LISTEN_FAILED',
      { address: `${host}:${port}`, problem: describeCause(error) },
      error,
    );
  }
}
