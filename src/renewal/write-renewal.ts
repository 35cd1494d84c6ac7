import { accessSync, constants, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { listSizeLimit } from '../allow-list/index.ts';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { makeFolders, replaceFile } from '../files/index.ts';
import {
  approvalsPath,
  approvalsSizeLimit,
  earlierPolicyPath,
  readIfThere,
  trustedRootPath,
} from '../trust/index.ts';
import type { JudgedList, RenewalRequest } from './judge-offer.ts';

/** Whether all of an accepted list is here already: the list, its approvals, and the trust policy. */
export function isHere({ path }: RenewalRequest, { bytes, approvals, policy }: JudgedList): boolean {
  const here = (file: string, limit: number, wanted: Buffer) =>
    readIfThere(file, limit)?.equals(wanted) === true;
  return (
    here(path, listSizeLimit, bytes) &&
    here(approvalsPath(path), approvalsSizeLimit, approvals) &&
    (policy?.newer.length ?? 0) === 0
  );
}

/** Whether the place of the list can be written, as far as can be said before. @throws KnownError FILE_UNWRITABLE */
export function ensureWritable({ path }: RenewalRequest): void {
  try {
    accessSync(dirname(realpathSync.native(path)), constants.W_OK);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unwritable(path, error);
    ensureFolderWritable(path);
  }
}

/** Of a list that is to be the first one here; its directory may be made with it. */
function ensureFolderWritable(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unwritable(path, error);
  }
}

/**
 * Puts an accepted list in the place of the one that is here. Between two of the files the old list stays acceptable:
 * the approvals of both lie beside it until the new list is in its place.
 *
 * @returns whether all of it was here already
 * @throws KnownError FILE_UNWRITABLE
 */
export function writeRenewal(request: RenewalRequest, judged: JudgedList): boolean {
  if (isHere(request, judged)) return true;
  const { path, trust } = request;
  const { bytes, approvals, policy } = judged;
  if (trust !== undefined && policy !== undefined) writePolicies(trust, policy);
  const approvedBy = approvalsPath(path);
  const before = readIfThere(path, listSizeLimit);
  const approvedBefore = readIfThere(approvedBy, approvalsSizeLimit);
  const sameList = before?.equals(bytes) === true;
  if (sameList && approvedBefore?.equals(approvals) === true) return false;
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
    makeFolders(dirname(place));
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
    throw unwritable(path, error);
  }
}

const unwritable = (path: string, error: unknown) =>
  new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
