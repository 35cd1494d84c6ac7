import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { approvalsSizeLimit } from './approvals.ts';
import { policySizeLimit } from './policy.ts';
import type { PolicySource, SignedPolicy } from './policy-chain.ts';

/** The approvals of a list or a policy lie beside it. */
export const approvalsPath = (path: string): string => `${path}.sigstore.jsonl`;

/** Version N of a policy is kept here, so that a host which is several versions behind can follow. */
export const earlierPolicyPath = (trustPath: string, version: number): string =>
  join(dirname(trustPath), 'trust', `${version}.json`);

export const trustedRootPath = (trustPath: string): string => join(dirname(trustPath), 'trusted_root.json');

/**
 * Reads a file up to a limit; links are followed, since ConfigMaps and Secrets are made of them. Only a regular file
 * is read, and one byte more than the limit at most.
 *
 * @throws KnownError FILE_UNREADABLE (too large, not a regular file); system errors (ENOENT, EACCES)
 */
export function readUpTo(path: string, limit: number): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new KnownError('FILE_UNREADABLE', { problem: 'it is not a regular file' });
    if (stat.size > limit)
      throw new KnownError('FILE_UNREADABLE', { problem: `it is larger than ${limit} bytes` });
    const buffer = Buffer.alloc(stat.size + 1);
    let filled = 0;
    while (filled < buffer.length) {
      const got = readSync(fd, buffer, filled, buffer.length - filled, filled);
      if (got === 0) break;
      filled += got;
    }
    if (filled > stat.size) throw new KnownError('FILE_CHANGED', { problem: 'it grew while it was read' });
    return buffer.subarray(0, filled);
  } finally {
    closeSync(fd);
  }
}

/** The same, and nothing where there is no such file. */
export function readIfThere(path: string, limit: number): Buffer | undefined {
  try {
    return readUpTo(path, limit);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** A policy and its earlier versions, as they lie in a directory. @throws KnownError TRUST_UNREADABLE */
export function policySource(path: string): PolicySource {
  return {
    current: readSigned(path),
    earlier: (version) => readSignedIfThere(earlierPolicyPath(path, version)),
    readTrustedRoot: () => readIfThere(trustedRootPath(path), policySizeLimit),
  };
}

function readSigned(path: string): SignedPolicy {
  return readable(path, () => ({ bytes: readUpTo(path, policySizeLimit), approvals: approvalsBeside(path) }));
}

function readSignedIfThere(path: string): SignedPolicy | undefined {
  return readable(path, () => {
    const bytes = readIfThere(path, policySizeLimit);
    return bytes === undefined ? undefined : { bytes, approvals: approvalsBeside(path) };
  });
}

const approvalsBeside = (path: string): Buffer =>
  readIfThere(approvalsPath(path), approvalsSizeLimit) ?? Buffer.alloc(0);

function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new KnownError('TRUST_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
}
