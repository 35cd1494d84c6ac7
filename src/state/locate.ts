import { isAbsolute, join } from 'node:path';
import { homeDirectory } from '../files/index.ts';

export interface StateEnvironment {
  readonly XDG_STATE_HOME?: string | undefined;
  readonly HOME?: string | undefined;
}

const systemPath = '/var/lib/verify-models';

/**
 * Where state is kept by default: `/var/lib/verify-models` for root, else `verify-models` in the XDG state directory
 * (XDG Base Directory Specification; `~/.local/state` where the variable is unset or not absolute).
 */
export function defaultStatePath(environment: StateEnvironment, uid: number | undefined): string {
  if (uid === 0) return systemPath;
  const base = environment.XDG_STATE_HOME;
  if (base !== undefined && isAbsolute(base)) return join(base, 'verify-models');
  const home = homeDirectory(environment.HOME);
  return home === undefined ? systemPath : join(home, '.local', 'state', 'verify-models');
}
