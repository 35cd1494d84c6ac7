import { createHash } from 'node:crypto';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { replaceFile } from '../../src/files/index.ts';
import { digestFromBytes } from '../../src/oci/index.ts';
import {
  addApproval,
  addLine,
  approvalsPath,
  approvalsSizeLimit,
  type KeylessOptions,
  longestValidityDays,
  type Preparation,
  parseSigningKey,
  prepareApproval,
  readIfThere,
  signKeyless,
  type TrustPolicy,
} from '../../src/trust/index.ts';
import { readKeyFile, whyUnread } from '../../src/verify/index.ts';
import { type Io, passphrase } from '../terminal/index.ts';
import { refuseFormats, settingsOf } from './context.ts';
import { checkManifestsOf, checkTablesOf } from './sign-checks.ts';
import type { SignFlags } from './sign-flags.ts';
import { policyFor, readSubject, type Subject, trustVersionOf } from './sign-subject.ts';
import { signSummary } from './sign-summary.ts';

/** Days in which an approval is valid when nothing else is said. */
const usualDays = 90;

const dayLength = 86_400_000;

const publicFulcio = 'https://fulcio.sigstore.dev';

/** `verify-models sign [LIST]`: approves a list, or a trust policy, and appends the approval beside it. */
export async function runSign(path = 'allow-list.json', flags: SignFlags, io: Io): Promise<number> {
  refuseFormats(flags, 'sign');
  const keyless = flags.keyless === true || flags.identityToken !== undefined;
  if (flags.statementOnly !== true && keyless === (flags.key !== undefined)) {
    throw new KnownError('USAGE', { problem: 'sign needs either --key KEY or --keyless' });
  }
  if (keyless && settingsOf({ offline: flags.offline, config: flags.config }, io).offline === true) {
    throw new KnownError('USAGE', { problem: 'sign --keyless needs the network, and --offline forbids it' });
  }
  const services = servicesOf(flags);
  const subject = readSubject(path);
  const policy = policyFor(subject, flags.trust);
  const preparation = prepare(subject, policy, flags, io);
  // Whoever signs the statement elsewhere approves the layers and the tables too.
  const manifests = await checkManifestsOf(subject, flags, io);
  const tables = await checkTablesOf(subject, flags, io);
  if (flags.statementOnly === true) {
    await io.stdout.write(preparation.statement.toString('utf8'));
    return 0;
  }
  const { text, keyId } = await approve(preparation, services, flags, io);
  write(approvalsPath(path), text);
  await io.stdout.write(signSummary({ subject, policy, preparation, text, keyId, manifests, tables, flags }));
  return 0;
}

function prepare(subject: Subject, policy: TrustPolicy | undefined, flags: SignFlags, io: Io): Preparation {
  const { predicateType, bytes, listId, version, list, path } = subject;
  const approvals = readApprovals(approvalsPath(path));
  const digest = digestFromBytes(createHash('sha256').update(bytes).digest());
  const listed = [...(list?.models ?? [])].map(([name, { manifest }]) => ({ name, digest: manifest.digest }));
  const preparation = prepareApproval({
    ...{ predicateType, file: bytes, listId, version, approvals },
    trustVersion: trustVersionOf(subject, policy, digest, approvals),
    now: io.now(),
    validityDays: validityOf(flags, policy?.maxValidityDays),
    renew: flags.renew === true,
    ...{ listed, subjects: flags.subjects === true ? listed : [] },
  });
  if (preparation.joined) refuseOtherTerms(preparation, flags, io.now(), policy?.maxValidityDays);
  return preparation;
}

/**
 * Whoever joins a statement signs its terms: nothing that was asked for may be passed over, and the line that claims it
 * may be anybody's, so that it is not signed for longer than was meant.
 */
function refuseOtherTerms({ claim }: Preparation, flags: SignFlags, now: Date, longest: number | undefined) {
  const until = claim.expires.toISOString().slice(0, 10);
  const within = (days: number) => claim.expires.getTime() <= now.getTime() + (days + 1) * dayLength;
  const validity = validityOf(flags, longest);
  if (!within(validity)) {
    const days = Math.ceil((claim.expires.getTime() - now.getTime()) / dayLength);
    const problem = `these bytes have an approval until ${until}, longer than ${validity} days: sign with --expires ${days} to join it, or with --renew`;
    throw new KnownError('USAGE', { problem });
  }
  const flag =
    flags.subjects === true
      ? '--subjects'
      : flags.expires !== undefined && within(usualDays)
        ? '--expires'
        : undefined;
  if (flag === undefined) return;
  const problem = `these bytes are approved until ${until} already: sign without ${flag} to join, or with --renew`;
  throw new KnownError('USAGE', { problem });
}

function readApprovals(path: string): Buffer {
  try {
    return readIfThere(path, approvalsSizeLimit) ?? Buffer.alloc(0);
  } catch (error) {
    throw new KnownError('LIST_UNREADABLE', { path, problem: whyUnread(error) }, error);
  }
}

/** No longer than the policy allows: an approval that is valid for longer counts for nothing under it. */
function validityOf({ expires }: SignFlags, longest = longestValidityDays): number {
  if (expires === undefined) return Math.min(usualDays, longest);
  const days = Number(/^([0-9]{1,5})d?$/.exec(expires.trim())?.[1]);
  if (days >= 1 && days <= longest) return days;
  throw new KnownError('USAGE', {
    problem: `--expires ${expires.slice(0, 40)} is no number of days from 1 to ${longest}`,
  });
}

interface Approval {
  /** The whole approvals file. */
  readonly text: string;
  /** Of the key that signed; undefined for an identity. */
  readonly keyId: string | undefined;
}

async function approve(
  preparation: Preparation,
  services: KeylessOptions,
  flags: SignFlags,
  io: Io,
): Promise<Approval> {
  if (flags.key === undefined) {
    const line = await signKeyless(preparation.statement, services);
    return { text: addLine(preparation, line), keyId: undefined };
  }
  const key = await parseSigningKey(readKeyFile(flags.key), () => passphrase(io));
  return { text: addApproval(preparation, key), keyId: key.publicKey.id };
}

/** A private authority is never paired with the public log: that would publish who signs what. */
function servicesOf({
  identityToken,
  fulcioUrl = publicFulcio,
  rekorUrl,
  tsaUrl,
}: SignFlags): KeylessOptions {
  const witnessed = rekorUrl !== undefined || tsaUrl !== undefined;
  if (fulcioUrl !== publicFulcio && !witnessed) {
    const problem = 'sign with your own --fulcio-url needs your own --rekor-url or --tsa-url beside it';
    throw new KnownError('USAGE', { problem });
  }
  return {
    fulcioUrl,
    ...(identityToken === undefined ? {} : { identityToken }),
    ...(witnessed ? {} : { rekorUrl: 'https://rekor.sigstore.dev' }),
    ...(rekorUrl === undefined ? {} : { rekorUrl }),
    ...(tsaUrl === undefined ? {} : { tsaUrl }),
  };
}

function write(path: string, text: string): void {
  try {
    replaceFile(path, text, 0o644);
  } catch (error) {
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}
