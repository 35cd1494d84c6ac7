import { type AllowList, listSizeLimit, parseAllowList } from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import type { StateDirectory } from '../state/index.ts';
import {
  acceptList,
  approvalsPath,
  approvalsSizeLimit,
  type ListSummary,
  policySource,
  readIfThere,
  type Trust,
} from '../trust/index.ts';
import { HostMemory, readPublicKeyFile } from '../verify/index.ts';
import type { OfferedFiles } from './offered-files.ts';
import { anchorOf, type OfferedPolicy, offeredPolicy } from './offered-policy.ts';

export interface RenewalRequest {
  /** Where the list lies here; there need be none yet. */
  readonly path: string;
  /** One of the two, which are here already: a mirror is never asked whom to trust. */
  readonly key: string | undefined;
  readonly trust: string | undefined;
  readonly chunks: string | undefined;
  readonly expectDigest: ListSummary['digest'] | undefined;
  readonly minVersion: number | undefined;
  readonly now: Date;
  /** @throws KnownError STATE_* */
  readonly openState: () => StateDirectory;
}

export interface JudgedList {
  readonly list: AllowList;
  readonly bytes: Buffer;
  readonly approvals: Buffer;
  readonly summary: ListSummary;
  readonly policy: OfferedPolicy | undefined;
  readonly firstContact: boolean;
}

/**
 * Judges what a mirror offers, from its policy to its list. Nothing is written. Of a list that is here already, those
 * approvals count that reach further.
 *
 * @throws KnownError LIST_NOT_ACCEPTED, KEY_*, TRUST_*, USAGE; what the mirror says
 */
export async function judgeOffer(files: OfferedFiles, request: RenewalRequest): Promise<JudgedList> {
  const { now, openState, minVersion, expectDigest } = request;
  const { trust, policy } = await trustOf(files, request);
  const bytes = await files.get('allow-list.json', listSizeLimit);
  if (bytes === undefined) throw notAccepted('the mirror has none');
  const approvals =
    (await files.get('allow-list.json.sigstore.jsonl', approvalsSizeLimit)) ?? Buffer.alloc(0);
  const memory = new HostMemory(openState);
  const anchor = request.trust === undefined ? undefined : await anchorOf(policySource(request.trust), now);
  let firstContact = false;
  const judge = (text: Buffer) =>
    acceptList(
      { bytes, approvals: text, trust, sizeLimit: listSizeLimit, parse: parseAllowList },
      {
        ...{ now, minVersion, expectDigest, allowExpired: false, bound: false },
        recall(listId) {
          const known = memory.recall(listId);
          firstContact = known === undefined;
          if (anchor?.listId !== listId) return known;
          return known === undefined || known.trustVersion === 0 ? { ...known, ...anchor } : known;
        },
      },
    );
  // The list that is here may have been approved once more since: what reaches further counts, and stays.
  const here = approvalsHere(request, bytes);
  const own = here && (await judge(here));
  const outcome = await judge(approvals);
  const found = { bytes, policy, firstContact };
  if (here !== undefined && own?.accepted === true)
    if (!outcome.accepted || own.summary.expires > outcome.summary.expires)
      return { ...found, approvals: here, list: own.list, summary: own.summary };
  if (outcome.accepted) return { ...found, approvals, list: outcome.list, summary: outcome.summary };
  throw notAccepted(outcome.facts.at(-1)?.message ?? 'it cannot be judged');
}

/** The approvals that lie here, where the list that lies here is the very same one. */
function approvalsHere({ path }: RenewalRequest, bytes: Buffer): Buffer | undefined {
  if (readIfThere(path, listSizeLimit)?.equals(bytes) !== true) return undefined;
  return readIfThere(approvalsPath(path), approvalsSizeLimit);
}

export const notAccepted = (reason: string) => new KnownError('LIST_NOT_ACCEPTED', { reason });

async function trustOf(
  files: OfferedFiles,
  { key, trust }: RenewalRequest,
): Promise<{ readonly trust: Trust; readonly policy: OfferedPolicy | undefined }> {
  if ((key === undefined) === (trust === undefined))
    throw new KnownError('USAGE', {
      problem: '--allow-list needs either --key PUB or --trust FILE, which are here already',
    });
  if (key !== undefined)
    return { trust: { kind: 'key', key: readPublicKeyFile(key), name: key }, policy: undefined };
  const policy = await offeredPolicy(policySource(trust ?? ''), files);
  return { trust: { kind: 'policy', source: policy.source }, policy };
}
