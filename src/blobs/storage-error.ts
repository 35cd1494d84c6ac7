import { describeCause, KnownError, systemCode } from '../errors/index.ts';

const full: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT'];

/** What the file system said, as an error of this product. */
export function storageError(error: unknown, path: string, needed: number): KnownError {
  if (error instanceof KnownError) return error;
  if (full.includes(systemCode(error))) return new KnownError('STORAGE_FULL', { needed, free: 0 }, error);
  return new KnownError('STORAGE_FAILED', { path, problem: describeCause(error) }, error);
}
