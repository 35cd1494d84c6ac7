import type { AllowList, Companions } from '../allow-list/index.ts';
import type { AllowListInfo } from '../report/index.ts';
import type { Report } from '../store/index.ts';
import type { ListOutcome } from '../trust/index.ts';
import { type BlobTables, ListedTables, withoutTables } from './blob-tables.ts';
import type { GatheredModel } from './gather-models.ts';
import { judgeListed } from './judge-listed.ts';

/** An allow-list that was judged, and how it is to be applied. */
export interface ListForCheck {
  readonly outcome: ListOutcome<AllowList>;
  readonly companions: Companions;
  readonly exact: boolean;
  readonly allowCopies: boolean;
  readonly requireAll: boolean;
  /** Whole digests even where there is a chunk table. */
  readonly whole: boolean;
}

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
  models: {
    readonly chosen: readonly GatheredModel[];
    readonly whole: boolean;
    readonly absent: readonly string[];
  },
  report: Report,
): AppliedList {
  if (list === undefined) return { tables: withoutTables, info: null, finish: () => {} };
  const { outcome } = list;
  for (const fact of outcome.facts) report(fact);
  if (!outcome.accepted) {
    for (const { record } of models.chosen) record.mark('untrusted');
    return { tables: withoutTables, info: null, finish: () => {} };
  }
  const named = new Set(models.absent);
  const { exact, allowCopies, requireAll } = list;
  judgeListed(outcome.list, models.chosen, { exact, allowCopies, requireAll, named }, models.whole, report);
  const tables = new ListedTables(outcome.list, list.companions, list.whole);
  const { listId, version, digest, expires, signers } = outcome.summary;
  return {
    tables,
    info: { listId, version, digest, expires: expires.toISOString(), signers },
    finish(to) {
      if (tables.unusable === 0) return;
      const message = `${tables.unusable} chunk tables are missing or damaged; those blobs were hashed whole`;
      to({ rule: 'chunk-table-unusable', actual: `${tables.unusable}`, message });
    },
  };
}
