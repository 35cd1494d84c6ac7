import { ApprovedList, type ListStanding } from '../admission/index.ts';
import { Companions } from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import {
  type OfferedFiles,
  offeredManifest,
  prepareRenewal,
  type Renewal,
  type RenewalRequest,
} from '../renewal/index.ts';
import type { ListSummary } from '../trust/index.ts';
import { type ListRequest, openList, settleList } from '../verify/index.ts';

/** The list of this side, and by which keys or policy it is judged. */
export type OwnList = RenewalRequest & ListRequest;

/** The list that decides, and what is left to do once everything is verified. */
export interface ChosenList {
  readonly standing: ListStanding;
  /** Who approved it, and until when; undefined where there is none. */
  readonly summary: ListSummary | undefined;
  /** Puts a list that came with the archive in the place of the one that is here, and remembers it. */
  take(): Promise<Renewal | undefined>;
}

/**
 * Which list decides about an archive: the one that came along, which this side must accept by its own keys or policy,
 * and which must be no older than what is here; where none came along, the one that lies here. Nothing is written
 * before `take`.
 *
 * @param remembers false for a look: what this side remembers counts, and nothing is remembered
 * @throws KnownError LIST_NOT_ACCEPTED, FILE_UNWRITABLE, KEY_*, TRUST_*, USAGE
 */
export async function chooseList(
  files: OfferedFiles,
  offersList: boolean,
  own: OwnList | undefined,
  remembers = true,
): Promise<ChosenList> {
  if (own === undefined)
    return { standing: { kind: 'none' }, summary: undefined, take: async () => undefined };
  const { path, chunks } = own;
  if (offersList) {
    const renewal = await prepareRenewal(files, own);
    if (remembers) renewal.ensureWritable();
    const { list, summary } = renewal.judged;
    const approved = new ApprovedList(list, new Companions(path, chunks), summary.digest);
    return {
      standing: { kind: 'accepted', approved },
      summary,
      async take() {
        const taken = await renewal.take();
        // What lies here now is judged as every check judges it, and remembered.
        await accepted(own, files);
        return taken;
      },
    };
  }
  const { list, companions, summary } = await accepted({ ...own, remembers }, files);
  const approved = new ApprovedList(list, companions, summary.digest);
  return { standing: { kind: 'accepted', approved }, summary, take: async () => undefined };
}

/** The list of this side, compared with the manifests beside it and in the archive. @throws KnownError LIST_NOT_ACCEPTED */
async function accepted(own: OwnList, files: OfferedFiles) {
  const listed = await openList(own);
  const refuse = (reason = 'it is not there') => new KnownError('LIST_NOT_ACCEPTED', { reason });
  if (listed === undefined) throw refuse();
  const outcome = await settleList(listed, (digest) => offeredManifest(files, digest));
  if (!outcome.accepted) throw refuse(outcome.facts.at(-1)?.message);
  return { list: outcome.list, companions: listed.companions, summary: outcome.summary };
}
