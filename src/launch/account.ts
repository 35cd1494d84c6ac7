import type { Stats } from 'node:fs';
import { KnownError } from '../errors/index.ts';

/** Who a command runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Whose groups it has; undefined for `UID:GID`: no groups but `gid` then. */
  readonly name: string | undefined;
  /** What passwd calls the user, and where it says that the user is at home; undefined for a number without a line. */
  readonly login: string | undefined;
  readonly home: string | undefined;
}

/**
 * The account of `--user`: a name or a number of `/etc/passwd` (passwd(5)), or `UID:GID`, which need not be there.
 *
 * @param passwd text of `/etc/passwd`
 * @throws KnownError USAGE
 */
export function accountOf(user: string, passwd: string): Account {
  const numbers = /^([0-9]{1,10}):([0-9]{1,10})$/.exec(user);
  for (const line of passwd.split('\n')) {
    const [login = '', , uid = '', gid = '', , home = ''] = line.split(':');
    if (!/^[0-9]+$/.test(uid) || !/^[0-9]+$/.test(gid)) continue;
    const known = { login, home: home || undefined };
    if (numbers === null && (login === user || uid === user))
      return { uid: Number(uid), gid: Number(gid), name: login, ...known };
    if (numbers !== null && Number(uid) === Number(numbers[1]))
      return { uid: Number(uid), gid: Number(numbers[2]), name: undefined, ...known };
  }
  if (numbers !== null) {
    const unknown = { name: undefined, login: undefined, home: undefined };
    return { uid: Number(numbers[1]), gid: Number(numbers[2]), ...unknown };
  }
  const problem = `--user ${user}: there is no such user in /etc/passwd (a number needs its group too, such as 1000:1000)`;
  throw new KnownError('USAGE', { problem });
}

/** Whether the mode of a file lets an account execute it; groups other than its own are not known here. */
export function mayExecute({ mode, uid, gid }: Stats, account: Account): boolean {
  if (account.uid === 0) return (mode & 0o111) !== 0;
  if (uid === account.uid) return (mode & 0o100) !== 0;
  if (gid === account.gid) return (mode & 0o010) !== 0;
  // A group of the account that is not its first one may still allow it.
  return (mode & 0o001) !== 0 || (account.name !== undefined && (mode & 0o010) !== 0);
}
