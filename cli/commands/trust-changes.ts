import { createHash } from 'node:crypto';
import { KnownError } from '../../src/errors/index.ts';
import { type Digest, digestFromBytes } from '../../src/oci/index.ts';
import {
  type NewSigner,
  type PolicyChanges,
  policySizeLimit,
  type RoleName,
  readIfThere,
  trustedRootPath,
} from '../../src/trust/index.ts';
import { readPublicKeyFile, whyUnread } from '../../src/verify/index.ts';
import type { TypedFlags } from './context.ts';

/** Flags of `trust`, of all its commands. */
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
  readonly allowList?: string;
  readonly state?: string;
}

const refuse = (problem: string) => new KnownError('USAGE', { problem });

/** `alice=alice.pub`, or `ci=https://.../workflow.yml@ref,https://issuer` for an identity. */
export function signerFromWord(word: string): NewSigner {
  const at = word.indexOf('=');
  const [name, value] = [word.slice(0, at), word.slice(at + 1)];
  if (at < 1 || value === '') throw refuse(`--signer ${word.slice(0, 80)} is not NAME=PUB`);
  const [, san, issuer] = /^(.+),(https?:\/\/[^,]+)$/.exec(value) ?? [];
  if (san !== undefined && issuer !== undefined)
    return { kind: 'identity', name: signerName(name), san, issuer };
  return {
    kind: 'key',
    name: signerName(name),
    key: readPublicKeyFile(value),
    from: undefined,
    to: undefined,
  };
}

/** The signer of `add-signer`: a key with its dates, or an identity. */
export function signerFromFlags(name: string, flags: TrustFlags): NewSigner {
  const { key, identity, issuer, from, to } = flags;
  if (key !== undefined && identity === undefined && issuer === undefined) {
    const dates = { from: dateOf('--from', from), to: dateOf('--to', to) };
    if (dates.from !== undefined && dates.to !== undefined && dates.from >= dates.to)
      throw refuse('--from is not before --to: the key would never count');
    return { kind: 'key', name: signerName(name), key: readPublicKeyFile(key), ...dates };
  }
  if (key !== undefined || identity === undefined || issuer === undefined)
    throw refuse('a signer has either --key PUB, or --identity SAN with --issuer URL');
  if (from !== undefined || to !== undefined) throw refuse('--from and --to are for keys');
  return { kind: 'identity', name: signerName(name), san: identity, issuer };
}

function signerName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}$/.test(name)) return name;
  throw refuse(`${name.slice(0, 80)} is no name of a signer: letters, digits and . _ @ + - only, 80 at most`);
}

/** A day means its beginning, in UTC. */
function dateOf(flag: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const day = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const date = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/.test(day)
    ? new Date(day)
    : undefined;
  // A day that does not exist rolls over to another one: 2027-02-30.
  if (date !== undefined && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day.slice(0, 19)))
    return date;
  throw refuse(`${flag} ${text.slice(0, 40)} is no date such as 2027-01-31`);
}

export function rolesOf(text = 'both'): readonly RoleName[] {
  if (text === 'both') return ['root', 'list'];
  if (text === 'root' || text === 'list') return [text];
  throw refuse(`--role is root, list or both, not ${text.slice(0, 40)}`);
}

/** Thresholds, limits and days as typed, and the trusted root as it lies beside the policy. */
export function changesOf(flags: TrustFlags, path: string): PolicyChanges {
  const both = number('--threshold', flags.threshold);
  return {
    rootThreshold: number('--root-threshold', flags.rootThreshold) ?? both,
    listThreshold: number('--list-threshold', flags.listThreshold) ?? both,
    minListVersion: number('--min-list-version', flags.minListVersion),
    maxValidityDays: number('--max-validity-days', flags.maxValidityDays),
    graceDays: number('--grace-days', flags.graceDays),
    trustedRoot: trustedRootOf(trustedRootPath(path)),
  };
}

function trustedRootOf(path: string): Digest | undefined {
  try {
    const bytes = readIfThere(path, policySizeLimit);
    return bytes === undefined ? undefined : digestFromBytes(createHash('sha256').update(bytes).digest());
  } catch (error) {
    throw new KnownError('TRUSTED_ROOT_UNUSABLE', { problem: `${path}: ${whyUnread(error)}` }, error);
  }
}

function number(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw refuse(`${flag} ${text.slice(0, 40)} is no whole number`);
}
