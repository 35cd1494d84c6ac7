import { userInfo } from 'node:os';
import { isAbsolute } from 'node:path';

/**
 * Where the user is at home: `HOME`, else what the user database says. An empty or relative HOME would make a path
 * relative to whatever directory the program was started in, and is passed over; undefined where nobody knows.
 */
export function homeDirectory(HOME: string | undefined): string | undefined {
  if (HOME !== undefined && isAbsolute(HOME)) return HOME;
  try {
    const { homedir } = userInfo();
    return isAbsolute(homedir) ? homedir : undefined;
  } catch {
    // The user of a container may have no entry in the user database.
    return undefined;
  }
}
