/** The mount that a path lies on. */
export interface Volume {
  readonly mountPoint: string;
  /** What is mounted there: `/dev/sda1`, `server:/export`. */
  readonly source: string;
  /** `ext4`, `nfs4`, ... */
  readonly type: string;
}

/**
 * The mount of a path, links resolved, after the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). Of mounts on
 * the same point the last one is what is seen. Undefined where there is no such text.
 */
export function volumeOf(path: string, mountInfo: string | undefined): Volume | undefined {
  let found: Volume | undefined;
  for (const line of mountInfo?.split('\n') ?? []) {
    const [before = '', after = ''] = line.split(' - ', 2);
    const mountPoint = unescapeOctal(before.split(' ')[4] ?? '');
    const [type = '', source = ''] = after.split(' ');
    if (mountPoint === '' || type === '' || !isBelow(path, mountPoint)) continue;
    if (found === undefined || mountPoint.length >= found.mountPoint.length) {
      found = { mountPoint, source: unescapeOctal(source), type };
    }
  }
  return found;
}

/** Spaces and the like stand as `\040` there. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

const isBelow = (path: string, directory: string): boolean =>
  directory === '/' || path === directory || path.startsWith(`${directory}/`);

/** A write through a memory mapping moves ctime at once here, when the page was clean before (tried on ext4). */
const atOnce = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'overlay']);
/** A write through a memory mapping never shows in a time here (tried on tmpfs). */
const never = new Set(['tmpfs', 'ramfs', 'devtmpfs', 'hugetlbfs']);

/** When a write through a memory mapping shows in a file's ctime: at once, once it is flushed, or never. */
export function writesShow(volume: Volume | undefined): 'at-once' | 'flushed' | 'never' {
  if (volume === undefined) return 'flushed';
  if (never.has(volume.type)) return 'never';
  return atOnce.has(volume.type) ? 'at-once' : 'flushed';
}

/**
 * Whether the key lies on the volume that it seals and would travel with it: a volume of its own (a disk, a claim), and
 * not the machine's root or the user's home, where a laptop keeps both.
 */
export function keyTravelsWith(
  store: Volume | undefined,
  key: Volume | undefined,
  home: string | undefined,
): boolean {
  if (store === undefined || key === undefined || store.mountPoint !== key.mountPoint) return false;
  return store.mountPoint !== '/' && !(home !== undefined && isBelow(home, store.mountPoint));
}
