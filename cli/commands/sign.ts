import { type AllowList, Companions, listSizeLimit, parseAllowList } from '../../src/allow-list/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { replaceFile } from '../../src/files/index.ts';
import { shellWord } from '../../src/findings/index.ts';
import { printable } from '../../src/report/index.ts';
import {
  addApproval,
  addLine,
  approvalLines,
  approvalsPath,
  approvalsSizeLimit,
  type Claim,
  keySizeLimit,
  listPredicateType,
  longestValidityDays,
  type Preparation,
  parsePolicy,
  parseSigningKey,
  prepareApproval,
  readIfThere,
  readPolicy,
  readUpTo,
  signKeyless,
  trustPredicateType,
  trustSchema,
} from '../../src/trust/index.ts';
import { checkTables } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { settingsOf, storeOf, type TypedFlags } from './context.ts';
import { passphrase } from './passphrase.ts';

/** Flags of `sign`, beside the common ones. */
export interface SignFlags extends TypedFlags {
  readonly key?: string;
  readonly identityToken?: string;
  readonly keyless?: boolean;
  readonly fulcioUrl?: string;
  readonly rekorUrl?: string;
  readonly tsaUrl?: string;
  readonly expires?: string;
  readonly renew?: boolean;
  readonly subjects?: boolean;
  readonly statementOnly?: boolean;
  readonly tablesUnseen?: boolean;
  readonly trust?: string;
}

/** What is to be approved. */
interface Subject {
  readonly path: string;
  readonly bytes: Buffer;
  readonly predicateType: Claim['predicateType'];
  readonly listId: string;
  readonly version: number;
  readonly list: AllowList | undefined;
}

/** `verify-models sign [LIST]`: approves a list, or a trust policy, and appends the approval beside it. */
export async function runSign(path = 'allow-list.json', flags: SignFlags, io: Io): Promise<number> {
  const subject = readSubject(path);
  const trustVersion = trustVersionFor(subject, flags.trust);
  const approvals = readIfThere(approvalsPath(path), approvalsSizeLimit) ?? Buffer.alloc(0);
  const preparation = prepareApproval({
    predicateType: subject.predicateType,
    file: subject.bytes,
    listId: subject.listId,
    version: subject.version,
    trustVersion,
    now: io.now(),
    validityDays: validityOf(flags),
    approvals,
    renew: flags.renew === true,
    subjects: flags.subjects === true ? subjectsOf(subject.list) : [],
  });
  if (flags.statementOnly === true) {
    await io.stdout.write(preparation.statement.toString('utf8'));
    return 0;
  }
  if (preparation.joined && flags.expires !== undefined) {
    const until = preparation.claim.expires.toISOString().slice(0, 10);
    const problem = `these bytes are approved until ${until} already: sign without --expires to join, or with --renew`;
    throw new KnownError('USAGE', { problem });
  }
  await checkTablesOf(subject, flags, io);
  const text = await approve(preparation, flags, io);
  try {
    replaceFile(approvalsPath(path), text, 0o644);
  } catch (error) {
    throw new KnownError(
      'FILE_UNWRITABLE',
      { path: approvalsPath(path), problem: describeCause(error) },
      error,
    );
  }
  await io.stdout.write(summary(subject, preparation, text, flags));
  return 0;
}

function readSubject(path: string): Subject {
  let bytes: Buffer;
  try {
    bytes = readUpTo(path, listSizeLimit);
  } catch (error) {
    throw new KnownError('LIST_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
  if (bytes.toString('utf8', 0, 4096).includes(`"${trustSchema}"`)) {
    const { listId, version } = parsePolicy(bytes);
    return { path, bytes, predicateType: trustPredicateType, listId, version, list: undefined };
  }
  const list = parseAllowList(bytes);
  return { path, bytes, predicateType: listPredicateType, listId: list.listId, version: list.version, list };
}

/** A list is approved under the policy the signer knows; a policy under itself. */
function trustVersionFor({ predicateType, version, listId }: Subject, trust: string | undefined): number {
  if (predicateType === trustPredicateType) return version;
  if (trust === undefined) return 0;
  const { policy } = readPolicy(trust);
  if (policy.listId === listId) return policy.version;
  throw new KnownError('USAGE', {
    problem: `the policy ${trust} is for the list ${policy.listId}, not for ${listId}`,
  });
}

function validityOf({ expires }: SignFlags): number {
  if (expires === undefined) return 90;
  const match = /^([0-9]{1,5})d?$/.exec(expires.trim());
  const days = Number(match?.[1]);
  if (days >= 1 && days <= longestValidityDays) return days;
  throw new KnownError('USAGE', {
    problem: `--expires ${expires.slice(0, 40)} is no number of days from 1 to ${longestValidityDays}`,
  });
}

const subjectsOf = (list: AllowList | undefined) =>
  [...(list?.models ?? [])].map(([name, { manifest }]) => ({ name, digest: manifest.digest }));

async function checkTablesOf({ list, path }: Subject, flags: SignFlags, io: Io): Promise<void> {
  const tabled = [...(list?.models.values() ?? [])].some(({ layers }) =>
    layers.some(({ chunks }) => chunks !== undefined),
  );
  if (list === undefined || !tabled || flags.tablesUnseen === true) return;
  const settings = settingsOf({ store: flags.store, config: flags.config, chunks: flags.chunks }, io);
  const { path: store } = await storeOf(settings, io);
  await checkTables(list, new Companions(path, settings.chunks), {
    store,
    followLinksInto: settings['follow-links-into'] ?? [],
    jobs: settings.jobs ?? Math.min(io.cores, 6),
    now: io.now(),
    signal: io.interrupted,
  });
}

async function approve(preparation: Preparation, flags: SignFlags, io: Io): Promise<string> {
  const keyless = flags.keyless === true || flags.identityToken !== undefined;
  if (keyless === (flags.key !== undefined)) {
    throw new KnownError('USAGE', { problem: 'sign needs either --key KEY or --keyless' });
  }
  if (keyless) return addLine(preparation, await signKeyless(preparation.statement, servicesOf(flags)));
  const key = await parseSigningKey(readKey(flags.key ?? ''), () => passphrase(io));
  return addApproval(preparation, key);
}

function servicesOf({ identityToken, fulcioUrl, rekorUrl, tsaUrl }: SignFlags) {
  return {
    fulcioUrl: fulcioUrl ?? 'https://fulcio.sigstore.dev',
    ...(identityToken === undefined ? {} : { identityToken }),
    ...(rekorUrl === undefined && tsaUrl === undefined ? { rekorUrl: 'https://rekor.sigstore.dev' } : {}),
    ...(rekorUrl === undefined ? {} : { rekorUrl }),
    ...(tsaUrl === undefined ? {} : { tsaUrl }),
  };
}

function readKey(path: string): string {
  try {
    return readUpTo(path, keySizeLimit).toString('utf8');
  } catch (error) {
    throw new KnownError('KEY_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
}

function summary(
  subject: Subject,
  { claim, joined, dropped }: Preparation,
  text: string,
  flags: SignFlags,
): string {
  const what = subject.list === undefined ? 'trust policy' : 'allow-list';
  const count = approvalLines(Buffer.from(text)).length;
  const lines = [
    `approved the ${what} ${subject.listId} version ${subject.version}, ${claim.digest}`,
    `valid until ${claim.expires.toISOString().slice(0, 10)}; ${count} approval${count === 1 ? '' : 's'} in ${printable(approvalsPath(subject.path))}`,
    ...(joined ? ['it joins the statement that others signed: they count together'] : []),
    ...(dropped > 0 ? [`${dropped} approvals of other bytes were dropped`] : []),
    `fingerprint ${claim.digest.slice(7, 19)}   (hosts see it at their first contact)`,
    `next: ${printable(nextCommand(subject, flags))}`,
    '',
  ];
  return lines.join('\n');
}

function nextCommand({ path, list }: Subject, { key, trust }: SignFlags): string {
  if (list === undefined) return 'verify-models trust show';
  const by =
    trust !== undefined
      ? `--trust ${shellWord(trust)}`
      : `--key ${shellWord((key ?? 'KEY.pub').replace(/\.key$/, '.pub'))}`;
  return `verify-models check --allow-list ${shellWord(path)} ${by}`;
}
