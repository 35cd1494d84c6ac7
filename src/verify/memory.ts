import { KnownError } from '../errors/index.ts';
import type { StateDirectory } from '../state/index.ts';
import type { BlobTable, Report } from '../store/index.ts';
import type { CheckRequest } from './check-request.ts';
import { type Cursor, readCursor, writeCursor } from './cursor.ts';
import type { HashRun } from './hash-run.ts';
import type { Plan } from './plan.ts';

/** What a run with a deadline knows of the one before, and leaves for the next. */
export interface Memory {
  readonly from: Cursor | undefined;
  remember(plan: Plan, run: HashRun, table: BlobTable): void;
}

const forgetful: Memory = { from: undefined, remember: () => {} };

/** Opens the memory of a run with a deadline. Where it cannot be used the run goes on without, and says so. */
export function openMemory(request: CheckRequest, deadline: boolean, report: Report): Memory {
  if (!deadline) return forgetful;
  const scope = JSON.stringify([request.store, request.models, request.subset ?? null, request.quick]);
  const guarded = guard(report);
  let state: StateDirectory | undefined;
  const from = guarded(() => {
    state = request.openState();
    return readCursor(state, scope);
  });
  return {
    from,
    remember(plan, run, table) {
      const opened = state;
      if (opened === undefined) return;
      if (run.complete) guarded(() => writeCursor(opened, scope, undefined));
      else if (run.doneUpTo > 0) {
        const last = plan.order[run.doneUpTo - 1] ?? 0;
        const [size, digest, colon] = [table.size(last), table.digest(last), table.isColon(last)];
        guarded(() => writeCursor(opened, scope, { size, digest, colon }));
      }
    },
  };
}

const guard =
  (report: Report) =>
  <T>(action: () => T): T | undefined => {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof KnownError)) throw error;
      report({ rule: 'state-unusable', message: error.message, hint: error.hint });
      return undefined;
    }
  };
