import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import type { Io } from './io.ts';

/**
 * Parts of this program are loaded when they are needed, also while it acts as another user: asked before it does.
 *
 * @param file of the program
 * @throws KnownError REPAIR_REFUSED
 */
export function assertProgramReadable(
  user: { readonly uid: number; readonly gid: number },
  { actAs, singleExecutable }: Pick<Io, 'actAs' | 'singleExecutable'>,
  file = fileURLToPath(import.meta.url),
): void {
  if (singleExecutable) return;
  const back = actAs(user);
  try {
    closeSync(openSync(file, 'r'));
  } catch (error) {
    const problem = `user ${user.uid} may not read this program, ${file} (${describeCause(error)}): it must lie where that user can, or be the single executable`;
    throw new KnownError('REPAIR_REFUSED', { problem }, error);
  } finally {
    back();
  }
}
