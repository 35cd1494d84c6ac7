import { resolve } from 'node:path';
import type { AllowList } from '../allow-list/index.ts';
import { Companions, listSizeLimit, parseAllowList } from '../allow-list/index.ts';
import { describeCause, KnownError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { StateDirectory } from '../state/index.ts';
import {
  type AcceptanceRules,
  acceptList,
  approvalsPath,
  approvalsSizeLimit,
  keyRoot,
  type ListFact,
  type ListOutcome,
  type PolicySource,
  policySource,
  readIfThere,
  readUpTo,
  type Trust,
} from '../trust/index.ts';
import { HostMemory } from './host-memory.ts';
import type { HeldList } from './judge-again.ts';
import { readPublicKeyFile } from './key-file.ts';
import { withCommand } from './list-commands.ts';
import type { ListForCheck } from './list-for-check.ts';
import { whyUnread } from './why-unread.ts';

/** Where a list lies and by what it is judged. */
export interface ListRequest {
  /** Undefined when none was given. */
  readonly path: string | undefined;
  readonly key: string | undefined;
  readonly trust: string | undefined;
  /** The id that the list must have, as it was typed; by default the one that belongs to its place. */
  readonly listId: string | undefined;
  /** The URL that the list comes from, which is remembered as a place of it too. */
  readonly from?: string | undefined;
  /** Directory of chunk tables; beside the list by default. */
  readonly chunks: string | undefined;
  readonly expectDigest: Digest | undefined;
  readonly minVersion: number | undefined;
  readonly allowExpired: boolean;
  /** Without an acceptable list nothing passes, and a first contact must be bound. */
  readonly required: boolean;
  readonly exact: boolean;
  readonly allowCopies: boolean;
  readonly requireAll: boolean;
  readonly whole: boolean;
  readonly now: Date;
  /** The state directory, where one was named: for the commands to type next. */
  readonly state: string | undefined;
  /** @throws KnownError STATE_* */
  readonly openState: () => StateDirectory;
  /** Something is brought in, served or started by the list: a damaged memory of it refuses it. */
  readonly acts?: boolean | undefined;
  /** False for a look: what is remembered counts, and nothing is remembered. */
  readonly remembers?: boolean;
}

/**
 * Reads and judges the allow-list of a check; whoever has the manifests settles it then, and it is remembered. What is
 * wrong with it becomes facts: integrity is checked all the same.
 *
 * @throws KnownError USAGE, KEY_* for what was typed wrong
 */
export async function openList(request: ListRequest): Promise<ListForCheck | undefined> {
  const { path, key, trust, state, exact, allowCopies, requireAll, whole } = request;
  const rest = { path, exact, allowCopies, requireAll, whole };
  if (path === undefined) {
    if (!request.required) return undefined;
    const message = 'no allow-list was given, and --require-allow-list asks for one';
    const hint = 'verify-models --require-allow-list --allow-list FILE --key PUB';
    const outcome = refused({ rule: 'list-unreadable', message, hint });
    return { outcome, settle: () => outcome, companions: new Companions('.'), ...rest };
  }
  const told = (outcome: ListOutcome<AllowList>) => {
    const facts = outcome.facts.map((fact) => withCommand(fact, { path, key, trust, state }));
    return { ...outcome, facts };
  };
  const { outcome, held, keep } = await judge(path, request);
  return {
    outcome: told(outcome),
    settle: (against) => told(outcome.accepted && against.length > 0 ? refusedFor(outcome, against) : keep()),
    held,
    companions: new Companions(path, request.chunks),
    ...rest,
  };
}

const refused = (fact: ListFact): ListOutcome<AllowList> => ({
  accepted: false,
  facts: [fact],
  summary: undefined,
});

const refusedFor = (
  { facts, summary }: ListOutcome<AllowList>,
  against: readonly ListFact[],
): ListOutcome<AllowList> => ({ accepted: false, facts: [...facts, ...against], summary });

/** A list that was judged. */
interface Judged {
  readonly outcome: ListOutcome<AllowList>;
  /** Where it was accepted. */
  readonly held?: HeldList;
  /** Remembers it, and says where that failed. */
  readonly keep: () => ListOutcome<AllowList>;
}

async function judge(path: string, request: ListRequest): Promise<Judged> {
  const unheard = (fact: ListFact): Judged => ({ outcome: refused(fact), keep: () => refused(fact) });
  const named = trustOf(request);
  if ('fact' in named) return unheard(named.fact);
  const files = readFiles(path);
  if ('fact' in files) return unheard(files.fact);
  const memory = memoryOf(path, request, named);
  const trust: Trust =
    named.kind === 'key' ? named : { ...named, start: memory.policyFor(named.source) ?? 'first-contact' };
  const offer = { ...files, trust, sizeLimit: listSizeLimit, parse: parseAllowList };
  const outcome = await acceptList(offer, {
    ...rulesOf(request),
    expected: memory.expected(request.listId),
    recall: (listId) =>
      named.kind === 'key' ? memory.recallByKey(listId) : memory.recallUnder(named.source, listId),
  });
  const keep = () => (request.remembers === false ? outcome : memory.keep(outcome, request));
  if (!outcome.accepted) return { outcome, keep };
  const { list, remember, recalled } = outcome;
  return { outcome, keep, held: { ...files, trust, list, memory: remember ?? recalled } };
}

/** What this host remembers of the list at its place, under the key or the policy. */
function memoryOf(path: string, { openState, from }: ListRequest, named: NamedTrust): HostMemory {
  const root = named.kind === 'key' ? keyRoot(named.key) : 'policy';
  return new HostMemory(openState, { root, places: [resolve(path), ...(from === undefined ? [] : [from])] });
}

/** Who is trusted, as it was typed: a key, or the policy in a file. */
type NamedTrust = Extract<Trust, { kind: 'key' }> | Omit<Extract<Trust, { kind: 'policy' }>, 'start'>;

/** The rules by which a list is judged, without what is remembered. */
export const rulesOf = (request: ListRequest): Omit<AcceptanceRules, 'recall' | 'expected'> => ({
  now: request.now,
  minVersion: request.minVersion,
  expectDigest: request.expectDigest,
  allowExpired: request.allowExpired,
  bound: request.required,
});

/** A key or a policy; exactly one of them. */
function trustOf({ key, trust }: ListRequest): NamedTrust | { readonly fact: ListFact } {
  if ((key === undefined) === (trust === undefined)) {
    throw new KnownError('USAGE', { problem: '--allow-list needs either --key PUB or --trust FILE' });
  }
  if (key !== undefined) return { kind: 'key', key: readPublicKeyFile(key), name: key };
  try {
    return { kind: 'policy', source: policySource(trust ?? '') };
  } catch (error) {
    return { fact: { rule: 'trust-malformed', message: describeCause(error) } };
  }
}

/** The policy that lies there now; undefined where a key decides, and where it cannot be read. */
export function policyNow({ trust }: Pick<ListRequest, 'trust'>): PolicySource | undefined {
  if (trust === undefined) return undefined;
  try {
    return policySource(trust);
  } catch {
    return undefined;
  }
}

/** The list and its approvals, of which there may be none. */
function readFiles(
  path: string,
): { readonly bytes: Buffer; readonly approvals: Buffer } | { readonly fact: ListFact } {
  const unreadable = (what: string, error: unknown): { readonly fact: ListFact } => ({
    fact: { rule: 'list-unreadable', message: `${what} cannot be read: ${whyUnread(error)}` },
  });
  let approvals: Buffer;
  try {
    approvals = readIfThere(approvalsPath(path), approvalsSizeLimit) ?? Buffer.alloc(0);
  } catch (error) {
    return unreadable(`the approvals ${approvalsPath(path)}`, error);
  }
  try {
    return { bytes: readUpTo(path, listSizeLimit), approvals };
  } catch (error) {
    return unreadable(`the allow-list ${path}`, error);
  }
}
