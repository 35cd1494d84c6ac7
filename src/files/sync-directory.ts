import { closeSync, constants, openSync } from 'node:fs';
import { systemCode } from '../errors/index.ts';
import { makeDurable } from './durable.ts';
import { cannotSync } from './identity.ts';

/** Makes renames and removals in a directory last, where the file system can: those of some media cannot. @throws system errors */
export function syncDirectory(path: string | Buffer): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    syncOpened(fd);
  } finally {
    closeSync(fd);
  }
}

/** The same for a directory that is open. */
export function syncOpened(fd: number): void {
  try {
    makeDurable(fd);
  } catch (error) {
    if (!cannotSync.has(systemCode(error) ?? '')) throw error;
  }
}
