import { homedir } from 'node:os';
import { join } from 'node:path';

export interface StateEnvironment {
  readonly XDG_STATE_HOME?: string | undefined;
  readonly HOME?: string | undefined;
}

/**
 * Where state is kept by default: `/var/lib/verify-models` for root, else `verify-models` in the XDG state directory
 * (XDG Base Directory Specification; `~/.local/state` where the variable is unset or not absolute).
 */
export function defaultStatePath(environment: StateEnvironment, uid: number | undefined): string {
  if (uid === 0) return '/var/lib/verify-models';
  const base = environment.XDG_STATE_HOME;
  const home = environment.HOME ?? homedir();
  return join(base?.startsWith('/') ? base : join(home, '.local', 'state'), 'verify-models');
}
