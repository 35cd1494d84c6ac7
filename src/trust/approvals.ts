import { type Bundle, bundleSizeLimit, parseBundle } from './bundle.ts';
import { type Claim, type ExtraSubject, parseStatement, type Statement } from './statement.ts';

/** Lines of an approvals file that are looked at, and its largest size. */
export const approvalLimit = 64;
export const approvalsSizeLimit = 8 * 1024 * 1024;

/** Who may approve: a key, or a person whose identity an authority vouches for. */
export interface Signer {
  /** What distinct signers are told apart by: a key's id, or issuer and name. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** Whether this signer made the signature, at a time when it was allowed to. */
  accepts(bundle: Bundle, now: Date): Promise<Acceptance>;
}

export type Acceptance = 'yes' | 'no' | { readonly problem: string };

/** Approvals with the same payload, and who signed them. */
export interface ApprovalGroup {
  readonly claim: Claim;
  /** Further files that the signature names: models and their manifests. */
  readonly extra: readonly ExtraSubject[];
  readonly signers: readonly Signer[];
}

export interface CountedApprovals {
  readonly groups: readonly ApprovalGroup[];
  /** Why lines count for nothing, one sentence each. */
  readonly problems: readonly string[];
}

/** The lines of an approvals file (JSON Lines), blank ones left out; the first `most` of them. */
export function approvalLines(text: Uint8Array, most = Number.POSITIVE_INFINITY): Buffer[] {
  const lines: Buffer[] = [];
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  for (let at = 0; at < bytes.length && lines.length < most; ) {
    const end = bytes.indexOf(0x0a, at);
    const line = bytes.subarray(at, end === -1 ? bytes.length : end);
    if (line.some((byte) => byte !== 0x20 && byte !== 0x0d && byte !== 0x09)) lines.push(line);
    at = end === -1 ? bytes.length : end + 1;
  }
  return lines;
}

/**
 * Checks every approval: form, then signature, then statement, so that nothing is read from a text nobody signed.
 * Counts distinct signers over byte-identical payloads; one signer twice is one signer.
 */
export async function countApprovals(
  text: Uint8Array,
  signers: readonly Signer[],
  now: Date,
): Promise<CountedApprovals> {
  if (text.length > approvalsSizeLimit) {
    return {
      groups: [],
      problems: [`the approvals have ${text.length} bytes, more than ${approvalsSizeLimit}`],
    };
  }
  // Not one more: 8 MiB of short lines would be millions of buffers.
  const lines = approvalLines(text, approvalLimit + 1);
  if (lines.length > approvalLimit) {
    return { groups: [], problems: [`there are more than ${approvalLimit} approvals`] };
  }
  const problems: string[] = [];
  const byPayload = new Map<string, Statement & { signers: Map<string, Signer> }>();
  for (const [at, line] of lines.entries()) {
    const outcome = await judgeLine(line, signers, now);
    if ('problem' in outcome) {
      problems.push(`approval ${at + 1}: ${outcome.problem}`);
      continue;
    }
    const key = outcome.payload.toString('base64');
    const { claim, extra } = outcome;
    const group = byPayload.get(key) ?? { claim, extra, signers: new Map<string, Signer>() };
    group.signers.set(outcome.signer.id, outcome.signer);
    byPayload.set(key, group);
  }
  const groups = [...byPayload.values()].map(({ signers: by, ...statement }) => ({
    ...statement,
    signers: [...by.values()],
  }));
  return { groups, problems };
}

type Line =
  | (Statement & { readonly payload: Buffer; readonly signer: Signer })
  | { readonly problem: string };

async function judgeLine(line: Buffer, signers: readonly Signer[], now: Date): Promise<Line> {
  const parsed = parseBundle(line.length > bundleSizeLimit ? line.subarray(0, bundleSizeLimit + 1) : line);
  if ('problem' in parsed) return parsed;
  const { bundle } = parsed;
  const found = await findSigner(bundle, signers, now);
  if ('problem' in found) return found;
  const statement = parseStatement(bundle.payload);
  return 'problem' in statement ? statement : { ...statement, payload: bundle.payload, signer: found.signer };
}

async function findSigner(
  bundle: Bundle,
  signers: readonly Signer[],
  now: Date,
): Promise<{ readonly signer: Signer } | { readonly problem: string }> {
  let problem = 'nobody who may approve signed it, or it was changed after it was signed';
  for (const signer of signers) {
    const answer = await signer.accepts(bundle, now);
    if (answer === 'yes') return { signer };
    if (answer !== 'no') problem = answer.problem;
  }
  return { problem };
}
