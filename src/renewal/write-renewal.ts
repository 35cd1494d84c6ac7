import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { listSizeLimit } from '../allow-list/index.ts';
import { describeCause, KnownError } from '../errors/index.ts';
import { replaceFile } from '../files/index.ts';
import {
  approvalsPath,
  approvalsSizeLimit,
  earlierPolicyPath,
  readIfThere,
  trustedRootPath,
} from '../trust/index.ts';
import type { JudgedList, RenewalRequest } from './judge-offer.ts';

/**
 * Puts an accepted list in the place of the one that is here. Between two of the files the old list stays acceptable:
 * the approvals of both lie beside it until the new list is in its place.
 *
 * @returns whether all of it was here already
 * @throws KnownError FILE_UNWRITABLE
 */
export function writeRenewal({ path, trust }: RenewalRequest, judged: JudgedList): boolean {
  const { bytes, approvals, policy } = judged;
  if (trust !== undefined && policy !== undefined) writePolicies(trust, policy);
  const approvedBy = approvalsPath(path);
  const before = readIfThere(path, listSizeLimit);
  const approvedBefore = readIfThere(approvedBy, approvalsSizeLimit);
  const sameList = before?.equals(bytes) === true;
  if (sameList && approvedBefore?.equals(approvals) === true) return (policy?.newer.length ?? 0) === 0;
  if (!sameList && before !== undefined && approvedBefore !== undefined)
    write(approvedBy, Buffer.concat([ended(approvedBefore), approvals]));
  else write(approvedBy, approvals);
  if (sameList) return false;
  write(path, bytes);
  write(approvedBy, approvals);
  return false;
}

const ended = (text: Buffer): Buffer =>
  text.length === 0 || text.at(-1) === 0x0a ? text : Buffer.concat([text, Buffer.from('\n')]);

/** Earlier versions first, and the newest last: a host that stops in between goes on from where it was. */
function writePolicies(
  path: string,
  { newer, trustedRoot, source }: NonNullable<JudgedList['policy']>,
): void {
  const last = newer.at(-1);
  if (last === undefined) return;
  const first = newer[0]?.version ?? 1;
  const before = source.earlier(first - 1);
  const earlier = [
    ...(before === undefined ? [] : [{ version: first - 1, signed: before }]),
    ...newer.slice(0, -1),
  ];
  for (const { version, signed } of earlier) {
    const place = earlierPolicyPath(path, version);
    mkdirSync(dirname(place), { recursive: true });
    write(approvalsPath(place), signed.approvals);
    write(place, signed.bytes);
  }
  if (trustedRoot !== undefined) write(trustedRootPath(path), trustedRoot);
  const present = readIfThere(approvalsPath(path), approvalsSizeLimit) ?? Buffer.alloc(0);
  write(approvalsPath(path), Buffer.concat([ended(present), last.signed.approvals]));
  write(path, last.signed.bytes);
  write(approvalsPath(path), last.signed.approvals);
}

function write(path: string, bytes: Uint8Array): void {
  try {
    replaceFile(path, bytes, 0o644);
  } catch (error) {
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}
