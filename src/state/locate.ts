import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

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
  const home = homeOf(environment);
  return home === undefined ? systemPath : join(home, '.local', 'state', 'verify-models');
}

/** An empty or relative HOME would put state into whatever directory this was started in. */
function homeOf({ HOME }: StateEnvironment): string | undefined {
  if (HOME !== undefined && isAbsolute(HOME)) return HOME;
  try {
    const { homedir } = userInfo();
    return isAbsolute(homedir) ? homedir : undefined;
  } catch {
    // The user of a container may have no entry in the user database.
    return undefined;
  }
}
