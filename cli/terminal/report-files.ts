import { closeSync, fstatSync, openSync, realpathSync, writeSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Format } from '../../src/config/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';

/** A report file, opened before the work begins: a path that cannot be written is said at once. */
export interface ReportFile {
  readonly format: Format;
  readonly path: string;
  write(text: string): void;
  close(): void;
}

/**
 * Opens a report file, never inside the store: neither by its path nor through a link.
 *
 * @throws KnownError REPORT_IN_STORE, REPORT_UNWRITABLE
 */
export function openReportFile(format: Format, file: string, store: string): ReportFile {
  const path = resolve(file);
  const real = realPathOf(path);
  if (real === store || real.startsWith(`${store}/`)) throw new KnownError('REPORT_IN_STORE', { path });
  const guard = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw new KnownError('REPORT_UNWRITABLE', { path, problem: describeCause(error) }, error);
    }
  };
  const fd = guard(() => {
    const opened = openSync(path, 'w', 0o644);
    if (!fstatSync(opened).isDirectory()) return opened;
    closeSync(opened);
    throw new Error('it is a directory');
  });
  return {
    format,
    path,
    write: (text) =>
      guard(() => {
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      }),
    close: () => guard(() => closeSync(fd)),
  };
}

/** Where a path leads, its last part resolved too when it is there. */
function realPathOf(path: string): string {
  for (const resolved of [
    () => realpathSync.native(path),
    () => join(realpathSync.native(dirname(path)), basename(path)),
  ]) {
    try {
      return resolved();
    } catch {
      // Not there yet: the directory above decides.
    }
  }
  return path;
}
