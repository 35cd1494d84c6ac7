import { constants, fsyncSync } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * Under its permission model Node.js denies every call that changes a file by its number, and counts fsync among them
 * (Node.js, "Permission Model", constraints; tried on 24.21). A FileHandle's sync is not denied.
 */
export const fsyncIsDenied = (): boolean => process.permission !== undefined;

/**
 * Flags for a file that must be a new one, so that no link or FIFO which lies there is written through; its bytes last
 * once they are written, where `makeDurable` cannot see to it.
 */
export const writeFlags = (): number => {
  const { O_WRONLY, O_CREAT, O_EXCL, O_SYNC } = constants;
  return O_WRONLY | O_CREAT | O_EXCL | (fsyncIsDenied() ? O_SYNC : 0);
};

/** fsync, where it is not denied: then a file was opened with `writeFlags`, and a directory lasts as its file system has it. */
export function makeDurable(fd: number): void {
  if (!fsyncIsDenied()) fsyncSync(fd);
}

/** Flushes an open file where fsync by its number is denied: through a handle of its own on the same file. Linux. */
export async function flushByHandle(fd: number): Promise<void> {
  const handle = await open(`/proc/self/fd/${fd}`, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
