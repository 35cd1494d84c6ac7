import {
  type AllowList,
  Companions,
  contradictionClause,
  listSizeLimit,
  parseAllowList,
} from '../allow-list/index.ts';
import { type ListSummary, readIfThere } from '../trust/index.ts';
import { type JudgedList, judgeOffer, notAccepted, type RenewalRequest } from './judge-offer.ts';
import type { OfferedFiles } from './offered-files.ts';
import { offeredManifests } from './offered-manifests.ts';
import { type CompanionCount, takeCompanions } from './take-companions.ts';
import { ensureWritable, isHere, writeRenewal } from './write-renewal.ts';

/** A list that was taken, or is the one that is here. */
export interface Renewal {
  readonly before: AllowList | undefined;
  readonly list: AllowList;
  readonly summary: ListSummary;
  /** Nothing of the list had to be written. */
  readonly unchanged: boolean;
  /** This host remembers nothing of the list: nobody can tell it from an older one. */
  readonly firstContact: boolean;
  readonly tables: CompanionCount;
  readonly manifests: CompanionCount;
  /** Version of the trust policy, where a newer one was taken. */
  readonly policy: number | undefined;
}

/** An offer that was judged: nothing is written before `take`. */
export interface PreparedRenewal {
  readonly judged: JudgedList;
  /** Asked before anything large is received for it. @throws KnownError FILE_UNWRITABLE */
  ensureWritable(): void;
  /** Writes what was accepted, with its tables and manifests. @throws KnownError FILE_UNWRITABLE; what the mirror says */
  take(): Promise<Renewal>;
}

/**
 * Judges a list that is offered: signatures, policy, dates and rollback, on this host and beside the list that lies
 * here; then all that it says of the models whose manifests are offered. Whoever offers it need not be trusted.
 *
 * @throws KnownError LIST_NOT_ACCEPTED, KEY_*, TRUST_*, USAGE; what the mirror says
 */
export async function prepareRenewal(files: OfferedFiles, request: RenewalRequest): Promise<PreparedRenewal> {
  const { path, chunks } = request;
  const before = localList(path);
  const judged = await judgeOffer(files, request);
  refuseOlder(before, judged, request);
  const companions = new Companions(path, chunks);
  const manifests = await offeredManifests(judged.list, companions, files);
  if (manifests.contradictions.length > 0) throw notAccepted(contradictionClause(manifests.contradictions));
  return {
    judged,
    ensureWritable() {
      if (!isHere(request, judged)) ensureWritable(request);
    },
    async take() {
      const optional = isHere(request, judged);
      const taken = await takeCompanions(judged.list, companions, files, { manifests, optional });
      const unchanged = writeRenewal(request, judged);
      return {
        ...{ before, list: judged.list, summary: judged.summary, unchanged, ...taken },
        firstContact: judged.firstContact,
        policy: judged.policy?.newer.at(-1)?.version,
      };
    },
  };
}

/**
 * Takes a newer list, its approvals, tables and manifests from a mirror, after every check.
 *
 * @throws KnownError LIST_NOT_ACCEPTED, KEY_*, TRUST_*, USAGE, FILE_UNWRITABLE; what the mirror says
 */
export async function renewList(files: OfferedFiles, request: RenewalRequest): Promise<Renewal> {
  return (await prepareRenewal(files, request)).take();
}

/** The list that lies here, whoever approved it; nothing where it is none. */
function localList(path: string): AllowList | undefined {
  const bytes = readIfThere(path, listSizeLimit);
  if (bytes === undefined) return undefined;
  try {
    return parseAllowList(bytes);
  } catch {
    return undefined;
  }
}

/** What lies here may be newer than what this host remembers: a list that was edited, or brought by hand. */
function refuseOlder(before: AllowList | undefined, { list }: JudgedList, { listId }: RenewalRequest): void {
  if (before === undefined) return;
  if (before.listId !== list.listId) {
    if (listId === list.listId) return;
    throw notAccepted(`the list ${list.listId} is offered, and ${before.listId} lies here`);
  }
  if (before.version > list.version)
    throw notAccepted(`version ${list.version} is offered, and version ${before.version} lies here`);
}
