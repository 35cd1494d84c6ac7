import { describeCause, KnownError } from '../errors/index.ts';

/** Why a file could not be read, as the end of a sentence that names it. */
export function whyUnread(error: unknown): string {
  const problem = error instanceof KnownError ? error.facts.problem : undefined;
  return problem === undefined ? describeCause(error) : String(problem);
}
