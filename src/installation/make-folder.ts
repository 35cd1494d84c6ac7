import { fchmodSync, mkdirSync } from 'node:fs';
import { systemCode } from '../errors/index.ts';
import { Directory, textToRaw } from '../files/index.ts';

/**
 * Makes one directory of exactly this mode where there is none. A recursive mkdir of Node.js says of a file system that
 * is read-only that there is no such file.
 *
 * @throws system errors
 */
export function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return;
  }
  using made = Directory.open(textToRaw(path));
  // Whatever the umask: Ollama may run as another user of the same group.
  fchmodSync(made.fd, mode);
}
