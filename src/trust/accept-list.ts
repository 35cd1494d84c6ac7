import { createHash } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import { type Digest, digestFromBytes, shortDigest } from '../oci/index.ts';
import type { ApprovalGroup } from './approvals.ts';
import { authorityOf, checkListId, checkPolicyFits, sufficientGroup } from './list-authority.ts';
import { checkDates } from './list-dates.ts';
import { afterRotation, checkMemory, remembered } from './list-history.ts';
import type { ListMemory } from './list-memory.ts';
import {
  type AcceptanceRules,
  type ListFact,
  type ListHeader,
  type ListOffer,
  type ListOutcome,
  type ListSummary,
  Refused,
} from './list-offer.ts';
import { nextChangeOf } from './next-change.ts';

/**
 * Judges an allow-list: size, then policy, then signatures over the exact bytes, then dates, and only then is the list
 * itself parsed and held against what this host remembers. Nothing is written; the caller remembers what was accepted.
 *
 * Time is one of the inputs: whoever holds the outcome judges again at its `nextChange`.
 */
export async function acceptList<L extends ListHeader>(
  offer: ListOffer<L>,
  rules: AcceptanceRules,
): Promise<ListOutcome<L>> {
  let recalled: ListMemory | undefined;
  const recall = (listId: string) => {
    recalled = rules.recall(listId);
    return recalled;
  };
  const outcome = await judge(offer, { ...rules, recall });
  return { ...outcome, nextChange: nextChangeOf(offer, recalled, rules.now) };
}

async function judge<L extends ListHeader>(
  offer: ListOffer<L>,
  rules: AcceptanceRules,
): Promise<ListOutcome<L>> {
  const facts: ListFact[] = [];
  let summary: ListSummary | undefined;
  try {
    const digest = checkSize(offer);
    const authority = await authorityOf(offer, rules);
    const group = await sufficientGroup(offer, digest, authority, rules.now);
    summary = summarise(group, digest);
    checkListId(group.claim.listId, rules.expected, 'allow-list');
    checkPolicyFits(group, authority.accepted?.policy);
    const recalled = rules.recall(group.claim.listId);
    const current = checkDates(group, digest, authority, recalled, rules, facts);
    const list = parseApproved(offer, group);
    const memory = afterRotation(recalled, authority.accepted, group.claim.trustVersion);
    checkMemory(group, digest, memory, recalled, authority.accepted, rules, facts);
    const remember = current
      ? remembered(group, digest, memory, authority.accepted, rules.now)
      : atLeastTheTime(recalled, rules.now);
    const pinned = (authority.accepted?.policy.minListVersion ?? 1) > 1;
    return { accepted: true, list, summary, facts, remember, recalled, pinned };
  } catch (error) {
    if (error instanceof Refused) return { accepted: false, facts: [...facts, error.fact], summary };
    if (error instanceof KnownError && error.code === 'LIST_MALFORMED') {
      return {
        accepted: false,
        facts: [...facts, { rule: 'list-malformed', message: error.message }],
        summary,
      };
    }
    throw error;
  }
}

/** Of a list that expired nothing new is remembered but that it was this late: the clock may not go back behind it. */
const atLeastTheTime = (recalled: ListMemory | undefined, now: Date): ListMemory | undefined =>
  recalled && { ...recalled, lastTime: recalled.lastTime > now ? recalled.lastTime : now };

function checkSize({ bytes, sizeLimit }: ListOffer<ListHeader>): Digest {
  if (bytes.length > sizeLimit) {
    throw new Refused('list-malformed', `the allow-list has ${bytes.length} bytes, more than ${sizeLimit}`);
  }
  return digestFromBytes(createHash('sha256').update(bytes).digest());
}

/** Whatever the approval says of the list stands in the list: its id, its version, and each model that it names. */
function parseApproved<L extends ListHeader>(
  { bytes, parse }: ListOffer<L>,
  { claim, extra }: ApprovalGroup,
): L {
  const list = parse(bytes);
  if (list.listId !== claim.listId || list.version !== claim.version)
    throw new Refused(
      'list-malformed',
      `the approval speaks of ${claim.listId} version ${claim.version}, and the list says ${list.listId} version ${list.version}`,
    );
  const stranger = extra.find(({ name, digest }) => list.models.get(name)?.manifest.digest !== digest);
  if (stranger === undefined) return list;
  throw new Refused(
    'list-malformed',
    `the approval names ${stranger.name} with the manifest ${shortDigest(stranger.digest)}, and the list does not`,
  );
}

const summarise = ({ claim, signers }: ApprovalGroup, digest: Digest): ListSummary => ({
  listId: claim.listId,
  version: claim.version,
  digest,
  expires: claim.expires,
  signers: signers.map(({ name }) => name).sort(),
});
