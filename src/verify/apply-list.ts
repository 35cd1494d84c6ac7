import { typedCommand } from '../findings/index.ts';
import type { AllowListInfo } from '../report/index.ts';
import type { Report } from '../store/index.ts';
import { type BlobTables, ListedTables, withoutTables } from './blob-tables.ts';
import type { ChosenModels } from './chosen-models.ts';
import { contradictedByStore } from './contradictions.ts';
import { judgeListed } from './judge-listed.ts';
import type { ListForCheck } from './list-for-check.ts';
import { reportAbsent } from './report-absent.ts';

/** What a list does in one check. */
export interface AppliedList {
  readonly tables: BlobTables;
  readonly info: AllowListInfo | null;
  /** Reports what is known only after hashing. */
  finish(report: Report): void;
}

/** Without a list nothing is said about trust; under one that was refused, nothing is trusted. */
export function applyList(
  list: ListForCheck | undefined,
  models: ChosenModels,
  store: string,
  report: Report,
): AppliedList {
  const idle = { tables: withoutTables, info: null, finish: () => {} };
  if (list === undefined) return idle;
  const { path, exact, allowCopies, requireAll } = list;
  const outcome = list.settle(contradictedByStore(list, models.all));
  for (const fact of outcome.facts) report(fact);
  if (!outcome.accepted) {
    for (const { record } of models.chosen) record.mark('untrusted');
    return idle;
  }
  const diffCommand = typedCommand(['verify-models', 'diff', path ?? '', '--store', store]);
  judgeListed(outcome.list, models.chosen, { exact, allowCopies, diffCommand }, report);
  reportAbsent(outcome.list, models, requireAll, report);
  const tables = new ListedTables(outcome.list, list.companions, list.whole);
  const { listId, version, digest, expires, signers } = outcome.summary;
  return {
    tables,
    info: { listId, version, digest, expires: expires.toISOString(), signers },
    finish: (to) => reportUnusable(tables.unusable, list.companions.chunks, to),
  };
}

function reportUnusable(count: number, folder: string, report: Report): void {
  if (count === 0) return;
  const what =
    count === 1
      ? `1 chunk table of the list is missing or damaged in ${folder}; that blob was hashed whole`
      : `${count} chunk tables of the list are missing or damaged in ${folder}; those blobs were hashed whole`;
  report({ rule: 'chunk-table-unusable', actual: `${count}`, message: what });
}
