import { resolve } from 'node:path';
import { type AllowList, listSizeLimit, parseAllowList } from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import type { StateDirectory } from '../state/index.ts';
import {
  acceptList,
  approvalsPath,
  approvalsSizeLimit,
  bindsFirstContact,
  type ExpectedListId,
  keyRoot,
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
  /** The id that the list must have, as it was typed; by default the one that belongs to its place. */
  readonly listId: string | undefined;
  readonly chunks: string | undefined;
  readonly expectDigest: ListSummary['digest'] | undefined;
  readonly minVersion: number | undefined;
  /** A first contact must be bound. */
  readonly required?: boolean | undefined;
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
  const { now, minVersion, expectDigest } = request;
  const { trust, policy, memory } = await trustOf(files, request);
  const bytes = await files.get('allow-list.json', listSizeLimit);
  if (bytes === undefined) throw notAccepted('the mirror has none');
  const approvals =
    (await files.get('allow-list.json.sigstore.jsonl', approvalsSizeLimit)) ?? Buffer.alloc(0);
  let firstContact = false;
  const judge = (text: Buffer) =>
    acceptList(
      { bytes, approvals: text, trust, sizeLimit: listSizeLimit, parse: parseAllowList },
      {
        ...{ now, minVersion, expectDigest, allowExpired: false, bound: request.required === true },
        expected: memory.expected(request.listId),
        recall(listId) {
          const known =
            policy === undefined ? memory.recallByKey(listId) : memory.recallUnder(policy.source, listId);
          firstContact = known === undefined;
          return known;
        },
      },
    );
  // The list that is here may have been approved once more since: what reaches further counts, and stays.
  const here = approvalsHere(request, bytes);
  const own = here && (await judge(here));
  const outcome = await judge(approvals);
  const found = { bytes, policy, firstContact };
  // A memory that is there and cannot be read is no first contact: an older list could be offered.
  if (memory.damage !== undefined && !bindsFirstContact(request)) throw notAccepted(memory.damage.message);
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

interface Judgement {
  readonly trust: Trust;
  readonly policy: OfferedPolicy | undefined;
  readonly memory: HostMemory;
}

/** By what the offer is judged: the key, or the policy that follows from the one that this host has. */
async function trustOf(files: OfferedFiles, request: RenewalRequest): Promise<Judgement> {
  const { path, key, trust: trustPath, openState, now } = request;
  if ((key === undefined) === (trustPath === undefined))
    throw new KnownError('USAGE', {
      problem: '--allow-list needs either --key PUB or --trust FILE, which are here already',
    });
  const places = [resolve(path), ...(files.place === undefined ? [] : [files.place])];
  if (key !== undefined) {
    const publicKey = readPublicKeyFile(key);
    const memory = new HostMemory(openState, { root: keyRoot(publicKey), places });
    return { trust: { kind: 'key', key: publicKey, name: key }, policy: undefined, memory };
  }
  const memory = new HostMemory(openState, { root: 'policy', places });
  const local = policySource(trustPath ?? '');
  const start = await anchorOf(local, memory, now);
  refuseOtherId(start.listId, memory.expected(request.listId));
  const policy = await offeredPolicy(local, files);
  return { trust: { kind: 'policy', source: policy.source, start }, policy, memory };
}

/** The policy that lies here is not the one of the list that belongs here: nothing is asked for under it. */
function refuseOtherId(listId: string, expected: ExpectedListId | undefined): void {
  if (expected === undefined || expected.listId === listId) return;
  throw notAccepted(`the trust policy is for the list ${listId}, and ${expected.because}`);
}
