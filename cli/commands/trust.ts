import { describeCause, KnownError } from '../../src/errors/index.ts';
import { printable } from '../../src/report/index.ts';
import { defaultStatePath, StateDirectory } from '../../src/state/index.ts';
import {
  acceptClock,
  approvalsPath,
  changePolicy,
  createPolicy,
  earlierPolicyPath,
  editPolicy,
  emptyPolicy,
  type PolicyChanges,
  readPolicy,
} from '../../src/trust/index.ts';
import type { Io } from '../terminal/index.ts';
import { nextLine, settingsOf } from './context.ts';
import { readListIfThere } from './list-file.ts';
import { changesOf, rolesOf, signerFromFlags, signerFromWord, type TrustFlags } from './trust-changes.ts';
import { refuseOtherFlags } from './trust-flags.ts';
import { policyText, standingOf } from './trust-text.ts';

const policyPath = ({ trust }: TrustFlags): string => trust ?? 'trust.json';

/** `trust init --signer NAME=PUB ...`: the first version of a policy. */
export async function runTrustInit(flags: TrustFlags, io: Io): Promise<number> {
  refuseOtherFlags('init', flags);
  const path = policyPath(flags);
  const add = (flags.signer ?? []).map((word) => ({
    signer: signerFromWord(word),
    roles: ['root', 'list'] as const,
  }));
  if (add.length === 0)
    throw new KnownError('USAGE', { problem: 'trust init needs at least one --signer NAME=PUB' });
  const policy = changePolicy(emptyPolicy(listIdOf(flags, io), io.now()), { ...changesOf(flags, path), add });
  written(path, () => createPolicy(path, policy));
  return show(path, flags, io);
}

/** `trust add-signer NAME --key PUB | --identity SAN --issuer URL`. */
export async function runTrustAddSigner(name: string, flags: TrustFlags, io: Io): Promise<number> {
  refuseOtherFlags('add-signer', flags);
  const path = policyPath(flags);
  const add = [{ signer: signerFromFlags(name, flags), roles: rolesOf(flags.role) }];
  await edit(path, { ...changesOf(flags, path), add }, io);
  return show(path, flags, io);
}

/** `trust rotate`: the next version, with signers removed, thresholds or dates changed. */
export async function runTrustRotate(flags: TrustFlags, io: Io): Promise<number> {
  refuseOtherFlags('rotate', flags);
  const path = policyPath(flags);
  await edit(path, { ...changesOf(flags, path), remove: flags.remove ?? [] }, io);
  return show(path, flags, io);
}

/** `trust show`: who may approve, how many of them, until when. */
export async function runTrustShow(flags: TrustFlags, io: Io): Promise<number> {
  refuseOtherFlags('show', flags);
  return show(policyPath(flags), flags, io);
}

/** `trust accept-clock`: a list was accepted at a time that the clock has not reached; the clock is right. */
export async function runTrustAcceptClock(flags: TrustFlags, io: Io): Promise<number> {
  refuseOtherFlags('accept-clock', flags);
  const { state: typed, config } = flags;
  const settings = settingsOf({ state: typed, config }, io);
  const { XDG_STATE_HOME, HOME } = io.environment;
  const path = settings.state ?? defaultStatePath({ XDG_STATE_HOME, HOME }, io.uid);
  const listId = listIdOf(flags, io);
  const state = StateDirectory.open(path, { now: io.now, uid: io.uid, pid: io.pid });
  if (!acceptClock(state, listId, io.now())) {
    const problem = `nothing is remembered of a list ${listId} in ${path}; --list-id and --state name others`;
    throw new KnownError('USAGE', { problem });
  }
  await io.stdout.write(
    `the list ${printable(listId)} was last accepted at ${io.now().toISOString()}, as far as this host knows\n${nextLine([], flags)}`,
  );
  return 0;
}

/** The list that is meant: by its id, or by the file in which it lies. */
function listIdOf({ listId, allowList, config }: TrustFlags, io: Io): string {
  if (listId !== undefined) return listId;
  const path = settingsOf({ allowList, config }, io)['allow-list'] ?? 'allow-list.json';
  const list = readListIfThere(path);
  if (list !== undefined) return list.listId;
  throw new KnownError('USAGE', {
    problem: `name the list: --list-id ID, or --allow-list FILE (${path} is not there)`,
  });
}

/**
 * A draft is changed in place, an approved policy becomes the next version. One that is signed and not yet in force is
 * neither: a version after it could not be reached by the hosts that know the one before.
 */
async function edit(path: string, changes: PolicyChanges, io: Io): Promise<void> {
  const { policy, approved } = readPolicy(path);
  const standing = await standingOf(path, policy, io.now());
  if (approved && !standing.ok && standing.rule !== 'trust-expired') {
    const problem = `version ${policy.version} is signed and not in force: ${standing.message}; sign it first, or remove ${approvalsPath(path)} to change it`;
    throw new KnownError('USAGE', { problem });
  }
  const { kept } = written(path, () => editPolicy(path, changes, io.now(), false));
  if (kept === undefined) return;
  const where = printable(earlierPolicyPath(path, kept));
  await io.stdout.write(`version ${kept} is kept, with its approvals, in ${where}\n`);
}

/** What was typed makes no policy, or the policy cannot be written. */
function written<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof KnownError))
      throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
    if (error.code !== 'TRUST_MALFORMED') throw error;
    const problem = `that would be no trust policy: ${String(error.facts.problem)}`;
    throw new KnownError('USAGE', { problem }, error);
  }
}

async function show(path: string, flags: TrustFlags, io: Io): Promise<number> {
  await io.stdout.write(await policyText(path, flags, io.now()));
  return 0;
}
