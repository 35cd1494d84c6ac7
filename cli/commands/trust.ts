import { createHash } from 'node:crypto';
import { listSizeLimit, parseAllowList } from '../../src/allow-list/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { shellWord } from '../../src/findings/index.ts';
import { digestFromBytes } from '../../src/oci/index.ts';
import { printable } from '../../src/report/index.ts';
import { defaultStatePath, StateDirectory } from '../../src/state/index.ts';
import {
  acceptClock,
  changePolicy,
  createPolicy,
  editPolicy,
  emptyPolicy,
  keySizeLimit,
  type NewSigner,
  type PolicyChanges,
  parsePublicKey,
  policySizeLimit,
  type RoleName,
  readIfThere,
  readPolicy,
  readUpTo,
  type TrustPolicy,
  trustedRootPath,
} from '../../src/trust/index.ts';
import type { Io } from '../terminal/index.ts';
import { settingsOf, type TypedFlags } from './context.ts';

export interface TrustFlags extends TypedFlags {
  readonly trust?: string;
  readonly signer?: readonly string[];
  readonly key?: string;
  readonly identity?: string;
  readonly issuer?: string;
  readonly role?: string;
  readonly from?: string;
  readonly to?: string;
  readonly remove?: readonly string[];
  readonly threshold?: string;
  readonly rootThreshold?: string;
  readonly listThreshold?: string;
  readonly minListVersion?: string;
  readonly maxValidityDays?: string;
  readonly graceDays?: string;
  readonly listId?: string;
}

const policyPath = ({ trust }: TrustFlags): string => trust ?? 'trust.json';

/** `trust init --signer NAME=PUB ...`: the first version of a policy. */
export async function runTrustInit(flags: TrustFlags, io: Io): Promise<number> {
  const path = policyPath(flags);
  const listId =
    flags.listId ?? listIdOf(typeof flags.allowList === 'string' ? flags.allowList : 'allow-list.json');
  const add = (flags.signer ?? []).map((word) => ({
    signer: signerFromWord(word),
    roles: ['root', 'list'] as const,
  }));
  if (add.length === 0)
    throw new KnownError('USAGE', { problem: 'trust init needs at least one --signer NAME=PUB' });
  createPolicy(path, changePolicy(emptyPolicy(listId, io.now()), { ...changesOf(flags, path), add }));
  return show(path, io);
}

/** `trust add-signer NAME --key PUB | --identity SAN --issuer URL`. */
export async function runTrustAddSigner(name: string, flags: TrustFlags, io: Io): Promise<number> {
  const path = policyPath(flags);
  const add = [{ signer: signerFromFlags(name, flags), roles: rolesOf(flags.role) }];
  editPolicy(path, { ...changesOf(flags, path), add }, io.now(), false);
  return show(path, io);
}

/** `trust rotate`: the next version, with signers removed, thresholds or dates changed. */
export async function runTrustRotate(flags: TrustFlags, io: Io): Promise<number> {
  const path = policyPath(flags);
  editPolicy(path, { ...changesOf(flags, path), remove: flags.remove ?? [] }, io.now(), true);
  return show(path, io);
}

/** `trust show`: who may approve, how many of them, until when. */
export async function runTrustShow(flags: TrustFlags, io: Io): Promise<number> {
  return show(policyPath(flags), io);
}

/** `trust accept-clock`: a list was accepted at a time that the clock has not reached; the clock is right. */
export async function runTrustAcceptClock(flags: TrustFlags, io: Io): Promise<number> {
  const settings = settingsOf({ state: flags.state, config: flags.config }, io);
  const { XDG_STATE_HOME, HOME } = io.environment;
  const path = settings.state ?? defaultStatePath({ XDG_STATE_HOME, HOME }, io.uid);
  const state = StateDirectory.open(path, { now: io.now, uid: io.uid, pid: io.pid });
  const listId =
    flags.listId ?? listIdOf(typeof flags.allowList === 'string' ? flags.allowList : 'allow-list.json');
  const known = acceptClock(state, listId, io.now());
  const time = io.now().toISOString();
  await io.stdout.write(
    known
      ? `the time of the list ${listId} is ${time} now\nnext: verify-models\n`
      : `nothing is remembered of a list ${listId} in ${printable(path)}\nnext: verify-models trust accept-clock --list-id ID\n`,
  );
  return 0;
}

function listIdOf(path: string): string {
  try {
    const bytes = readIfThere(path, listSizeLimit);
    if (bytes !== undefined) return parseAllowList(bytes).listId;
  } catch (error) {
    throw new KnownError('LIST_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
  throw new KnownError('USAGE', {
    problem: `name the list: --list-id ID, or --allow-list FILE (${path} is not there)`,
  });
}

/** `alice=alice.pub`, or `ci=https://.../workflow.yml@ref,https://issuer` for an identity. */
function signerFromWord(word: string): NewSigner {
  const at = word.indexOf('=');
  const [name, value] = [word.slice(0, at), word.slice(at + 1)];
  if (at < 1 || value === '')
    throw new KnownError('USAGE', { problem: `--signer ${word.slice(0, 80)} is not NAME=PUB` });
  const comma = value.lastIndexOf(',');
  if (comma > 0)
    return { kind: 'identity', name, san: value.slice(0, comma), issuer: value.slice(comma + 1) };
  return { kind: 'key', name, key: publicKeyAt(value), from: undefined, to: undefined };
}

function signerFromFlags(name: string, { key, identity, issuer, from, to }: TrustFlags): NewSigner {
  if (key !== undefined && identity === undefined) {
    return { kind: 'key', name, key: publicKeyAt(key), from: dateOf('--from', from), to: dateOf('--to', to) };
  }
  if (key === undefined && identity !== undefined && issuer !== undefined) {
    return { kind: 'identity', name, san: identity, issuer };
  }
  throw new KnownError('USAGE', {
    problem: 'a signer has either --key PUB, or --identity SAN with --issuer URL',
  });
}

function publicKeyAt(path: string) {
  let text: string;
  try {
    text = readUpTo(path, keySizeLimit).toString('utf8');
  } catch (error) {
    throw new KnownError('KEY_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
  return parsePublicKey(text);
}

function dateOf(flag: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const date = new Date(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) ? `${text}T00:00:00Z` : text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new KnownError('USAGE', { problem: `${flag} ${text.slice(0, 40)} is no date such as 2027-01-31` });
}

function rolesOf(text = 'both'): readonly RoleName[] {
  if (text === 'both') return ['root', 'list'];
  if (text === 'root' || text === 'list') return [text];
  throw new KnownError('USAGE', { problem: `--role is root, list or both, not ${text.slice(0, 40)}` });
}

function changesOf(flags: TrustFlags, path: string): PolicyChanges {
  const both = number('--threshold', flags.threshold);
  const root = readIfThere(trustedRootPath(path), policySizeLimit);
  return {
    rootThreshold: number('--root-threshold', flags.rootThreshold) ?? both,
    listThreshold: number('--list-threshold', flags.listThreshold) ?? both,
    minListVersion: number('--min-list-version', flags.minListVersion),
    maxValidityDays: number('--max-validity-days', flags.maxValidityDays),
    graceDays: number('--grace-days', flags.graceDays),
    trustedRoot: root === undefined ? undefined : digestFromBytes(createHash('sha256').update(root).digest()),
  };
}

function number(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new KnownError('USAGE', { problem: `${flag} ${text.slice(0, 40)} is no whole number` });
}

async function show(path: string, io: Io): Promise<number> {
  const { policy, approved, bytes } = readPolicy(path);
  const digest = digestFromBytes(createHash('sha256').update(bytes).digest());
  const next = approved ? 'verify-models check --allow-list allow-list.json --trust' : 'verify-models sign';
  const tail = approved ? shellWord(path) : `${shellWord(path)} --key KEY`;
  await io.stdout.write(
    `${[...describe(policy, digest, approved), `next: ${next} ${printable(tail)}`].join('\n')}\n`,
  );
  return 0;
}

function describe(policy: TrustPolicy, digest: string, approved: boolean): string[] {
  const day = (date: Date | undefined) => date?.toISOString().slice(0, 10);
  const roles = (name: string) =>
    (['root', 'list'] as const).filter((role) => policy[role].signers.includes(name)).join(' and ') ||
    'no role';
  return [
    `trust policy of the list ${policy.listId}, version ${policy.version}, until ${day(policy.expires)}${approved ? '' : '   (a draft: nobody has approved it)'}`,
    `digest      ${digest}`,
    `lists need  ${policy.list.threshold} of ${policy.list.signers.length} approvals, valid for ${policy.maxValidityDays} days at most, from version ${policy.minListVersion} on`,
    `the next policy needs ${policy.root.threshold} of ${policy.root.signers.length} approvals`,
    ...(policy.graceDays > 0
      ? [`an accepted list goes on for ${policy.graceDays} days after it expired`]
      : []),
    ...policy.keys.map(({ name, key, from, to }) => {
      const dates = `${from === undefined ? '' : ` from ${day(from)}`}${to === undefined ? '' : ` to ${day(to)}`}`;
      return `signer      ${name}: key ${key.id.slice(0, 12)} (${key.algorithm})${dates}, ${roles(name)}`;
    }),
    ...policy.identities.map(
      ({ name, san, issuer }) =>
        `signer      ${name}: ${printable(san)} of ${printable(issuer)}, ${roles(name)}`,
    ),
    ...(policy.trustedRoot === undefined ? [] : [`trusted root ${policy.trustedRoot}`]),
  ];
}
