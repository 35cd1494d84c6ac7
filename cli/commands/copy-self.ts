import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { type CopiedFile, copyFile } from '../../src/files/index.ts';
import { typedCommand } from '../../src/findings/index.ts';
import { digestFromBytes } from '../../src/oci/index.ts';
import { printable, shownSize } from '../../src/report/index.ts';
import type { Io } from '../terminal/index.ts';
import { refuseFormats, type TypedFlags } from './context.ts';

/**
 * `verify-models copy-self DIR`: puts the single executable on a volume that another container shares, for images that
 * have neither Node nor `cp`.
 *
 * @throws KnownError USAGE where the program is not one file, FILE_UNWRITABLE
 */
export async function runCopySelf(folder: string, flags: TypedFlags, io: Io): Promise<number> {
  refuseFormats(flags, 'copy-self');
  if (!io.singleExecutable) {
    const problem =
      'copy-self copies the single executable, and this program runs on Node.js (npm run build:executable makes one)';
    throw new KnownError('USAGE', { problem });
  }
  const directory = resolve(io.directory, folder);
  const target = join(directory, 'verify-models');
  const { bytes, sha256 } = copyTo(directory, target, io.program);
  if (flags.quiet === true) return 0;
  await io.stdout.write(`${printable(target)}: ${shownSize(bytes)}, ${digestFromBytes(sha256)}\n`);
  const next = typedCommand([target, 'exec', '--', 'ollama', 'serve']);
  await io.stdout.write(`next: ${next ?? 'verify-models exec -- ollama serve'}\n`);
  return 0;
}

function copyTo(directory: string, target: string, program: string): CopiedFile {
  try {
    if (!statSync(directory).isDirectory()) throw new Error('not a directory');
    return copyFile(program, target, 0o755);
  } catch (error) {
    throw new KnownError('FILE_UNWRITABLE', { path: target, problem: describeCause(error) }, error);
  }
}
