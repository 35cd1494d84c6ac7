import { createHash } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import { digestFromBytes } from '../oci/index.ts';
import { approvalLimit, approvalLines } from './approvals.ts';
import { parseBundle, preAuthentication, signBundle } from './bundle.ts';
import type { SigningKey } from './signing-key.ts';
import {
  type Claim,
  type ExtraSubject,
  parseStatement,
  type Statement,
  writeStatement,
} from './statement.ts';

/** What a signer is asked to approve. */
export interface ApprovalRequest {
  readonly predicateType: Claim['predicateType'];
  /** The exact bytes of the list or policy. */
  readonly file: Uint8Array;
  readonly listId: string;
  readonly version: number;
  readonly trustVersion: number;
  readonly now: Date;
  readonly validityDays: number;
  /** The approvals that are there; those of other bytes fall away. */
  readonly approvals: Uint8Array;
  /** Make a new statement although a valid one of these bytes is there. */
  readonly renew: boolean;
  readonly subjects: readonly ExtraSubject[];
  /** The models of a list with the manifests that it pins: a statement that is joined may name these, and no others. */
  readonly listed?: readonly ExtraSubject[];
}

/** The statement to sign, and the approvals of these bytes that are there already. */
export interface Preparation {
  /** The exact bytes that are signed. */
  readonly statement: Buffer;
  readonly claim: Claim;
  /** Another signer made this statement; the same bytes are signed again, so that the two count together. */
  readonly joined: boolean;
  /** Lines that speak of these bytes. */
  readonly kept: readonly Buffer[];
  /** Lines that speak of other bytes, which fall away. */
  readonly dropped: number;
}

const dayLength = 86_400_000;
const clockTolerance = 5 * 60 * 1000;

/**
 * Finds the statement to sign: one that others signed over the same bytes and that still holds, else a new one.
 * Approvals count together only when their payloads are equal byte for byte.
 */
export function prepareApproval(request: ApprovalRequest): Preparation {
  const { file, predicateType, listId, version, trustVersion, now } = request;
  const digest = digestFromBytes(createHash('sha256').update(file).digest());
  const lines = approvalLines(request.approvals).map((line) => ({ line, ...statementOf(line) }));
  const own = lines.filter(({ claim }) => claim?.digest === digest && claim.predicateType === predicateType);
  const kept = own.map(({ line }) => line);
  const dropped = lines.length - kept.length;
  const listed = new Map((request.listed ?? []).map((model) => [model.name, model.digest]));
  const joinable = own
    .filter(({ claim }) => claim !== undefined && claim.listId === listId && claim.version === version)
    // Whoever joins a statement signs all of its subjects, and nobody has looked at the signature of its line.
    .filter(({ extra = [] }) => extra.every((model) => listed.get(model.name) === model.digest))
    .filter(
      ({ claim }) => claim !== undefined && claim.size === file.length && claim.trustVersion === trustVersion,
    )
    .filter(
      ({ claim }) =>
        claim !== undefined &&
        claim.expires > now &&
        claim.issued.getTime() <= now.getTime() + clockTolerance,
    )
    .sort((a, b) => (b.claim?.issued.getTime() ?? 0) - (a.claim?.issued.getTime() ?? 0))[0];
  if (!request.renew && joinable?.claim !== undefined && joinable.payload !== undefined) {
    return { statement: joinable.payload, claim: joinable.claim, joined: true, kept, dropped };
  }
  const issued = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const expires = new Date(issued.getTime() + request.validityDays * dayLength);
  const claim = { predicateType, digest, size: file.length, listId, version, issued, expires, trustVersion };
  return { statement: writeStatement(claim, request.subjects), claim, joined: false, kept, dropped };
}

/**
 * The text of the approvals file with one more line.
 *
 * @throws KnownError ALREADY_APPROVED when this key signed the same statement before
 */
export function addApproval(preparation: Preparation, key: SigningKey): string {
  const { statement, kept } = preparation;
  const already = kept.some((line) => {
    const parsed = parseBundle(line);
    return (
      'bundle' in parsed &&
      parsed.bundle.payload.equals(statement) &&
      key.publicKey.verifies(preAuthentication(statement), parsed.bundle.signature)
    );
  });
  if (already) throw new KnownError('ALREADY_APPROVED', { key: key.publicKey.id.slice(0, 12) });
  return addLine(preparation, signBundle(statement, key));
}

/** The text of the approvals file with a line that was signed elsewhere. */
export function addLine({ kept }: Preparation, line: string): string {
  if (kept.length + 1 > approvalLimit) {
    throw new KnownError('USAGE', {
      problem: `there are ${kept.length} approvals already, the most a verifier reads`,
    });
  }
  return `${[...kept.map((old) => old.toString('utf8').trim()), line].join('\n')}\n`;
}

/** What a line claims, whoever signed it; empty when it is no approval. */
export function statementOf(line: Buffer): Partial<Statement> & { readonly payload?: Buffer } {
  const parsed = parseBundle(line);
  if ('problem' in parsed) return {};
  const statement = parseStatement(parsed.bundle.payload);
  return 'problem' in statement ? {} : { ...statement, payload: parsed.bundle.payload };
}
