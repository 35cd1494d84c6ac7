/** What a file or directory says of who may write it. */
export interface Owned {
  readonly uid: number | bigint;
  readonly gid: number | bigint;
  readonly mode: number | bigint;
}

/**
 * Whether a user may write this. The groups of another user are not known: a group that may write counts as one of
 * theirs then.
 *
 * @param groups the user's groups, where they are known
 */
export function canWrite(file: Owned, uid: number, groups: ReadonlySet<number> | undefined): boolean {
  const mode = Number(file.mode);
  if (uid === 0 || Number(file.uid) === uid || (mode & 0o002) !== 0) return true;
  return (mode & 0o020) !== 0 && (groups === undefined || groups.has(Number(file.gid)));
}

/** Whether a user may put something else in the place of an entry of this directory that is not theirs: not where it is sticky. */
export function canReplaceIn(folder: Owned, uid: number, groups: ReadonlySet<number> | undefined): boolean {
  if (uid === 0 || Number(folder.uid) === uid) return true;
  return (Number(folder.mode) & 0o1000) === 0 && canWrite(folder, uid, groups);
}
