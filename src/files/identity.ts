import { type BigIntStats, fstatSync, fsyncSync } from 'node:fs';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { fsyncIsDenied } from './durable.ts';

/**
 * What tells one state of one file from another: device, inode, size, and the nanoseconds of mtime and ctime.
 * Two equal identities around a reading mean that the bytes read are the bytes of that state.
 */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

const fields = ['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const;

export const identityOf = (stat: BigIntStats): FileIdentity => ({
  dev: stat.dev,
  ino: stat.ino,
  size: stat.size,
  mtimeNs: stat.mtimeNs,
  ctimeNs: stat.ctimeNs,
});

/** The first field in which two identities differ, or undefined. */
export const difference = (a: FileIdentity, b: FileIdentity): string | undefined =>
  fields.find((field) => a[field] !== b[field]);

/**
 * File systems that cannot sync say so with one of these (EPERM is Windows, which wants a descriptor for writing);
 * nothing is lost then: what is dirty cannot be flushed, or nothing can be dirty.
 */
export const cannotSync: ReadonlySet<string> = new Set([
  'EINVAL',
  'EROFS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EBADF',
  'EPERM',
]);

/** What `settle` does where Node.js denies fsync by number: refuse the file, or take what was flushed by a handle, or is read in one go. */
export type WhenDenied = 'refuse' | 'go-on';

/**
 * fstat, fsync, fstat: the identity of an open file whose dirty pages are out. A page dirtied through a memory
 * mapping keeps the old ctime until it is flushed; without the fsync such a change would not show.
 *
 * @throws KnownError FILE_CHANGED when the flush moved a time, FILE_UNREADABLE when it failed
 */
export function settle(fd: number, whenDenied: WhenDenied = 'refuse'): FileIdentity {
  const before = identityOf(fstatSync(fd, { bigint: true }));
  try {
    if (!(fsyncIsDenied() && whenDenied === 'go-on')) fsyncSync(fd);
  } catch (error) {
    if (!cannotSync.has(systemCode(error) ?? '')) {
      throw new KnownError('FILE_UNREADABLE', { problem: describeCause(error) }, error);
    }
  }
  assertSame(fd, before, 'while it was opened');
  return before;
}

/** @throws KnownError FILE_CHANGED when the open file is not in the state `before` any more */
export function assertSame(fd: number, before: FileIdentity, when: string): void {
  const field = difference(before, identityOf(fstatSync(fd, { bigint: true })));
  if (field !== undefined) throw new KnownError('FILE_CHANGED', { problem: `its ${field} moved ${when}` });
}
