/** The mount that a path lies on. */
export interface Volume {
  readonly mountPoint: string;
  /** `major:minor` of the file system: the same wherever it is mounted, and however often. */
  readonly device: string;
  /** What of the file system is mounted there: `/` is all of it, a subPath or a bind mount is a directory of it. */
  readonly root: string;
  /** What is mounted there: `/dev/sda1`, `server:/export`. */
  readonly source: string;
  /** `ext4`, `nfs4`, ... */
  readonly type: string;
  /** Where an overlay keeps what is written, as its mount names it. */
  readonly upperDir: string | undefined;
}

/**
 * The mount of a path, links resolved, after the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). Of mounts on
 * the same point the last one is what is seen. Undefined where there is no such text.
 */
export function volumeOf(path: string, mountInfo: string | undefined): Volume | undefined {
  let found: Volume | undefined;
  for (const line of mountInfo?.split('\n') ?? []) {
    const volume = parseMount(line);
    if (volume === undefined || !isBelow(path, volume.mountPoint)) continue;
    if (found === undefined || volume.mountPoint.length >= found.mountPoint.length) found = volume;
  }
  return found;
}

function parseMount(line: string): Volume | undefined {
  const [before = '', after = ''] = line.split(' - ', 2);
  const [, , device = '', root = '', mountPoint = ''] = before.split(' ').map(unescapeOctal);
  const [type = '', source = '', options = ''] = after.split(' ').map(unescapeOctal);
  if (mountPoint === '' || type === '') return undefined;
  const upperDir = type === 'overlay' ? /(?:^|,)upperdir=((?:\\.|[^,\\])*)/.exec(options)?.[1] : undefined;
  return { mountPoint, device, root, source, type, upperDir };
}

/** Spaces and the like stand as `\040` there. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

const isBelow = (path: string, directory: string): boolean =>
  directory === '/' || path === directory || path.startsWith(`${directory}/`);

/** A write through a memory mapping moves ctime at once here, when the page was clean before (tried on ext4). */
const atOnce = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs']);
/** A write through a memory mapping never shows in a time here (tried on tmpfs). */
const never = new Set(['tmpfs', 'ramfs', 'devtmpfs', 'hugetlbfs']);

/**
 * When a write through a memory mapping shows in a file's ctime: at once, once it is flushed, or never. An overlay is what
 * its upper directory lies on; where that cannot be seen (in a container it is a path of the machine) it may be a tmpfs.
 *
 * @param upper the volume of an overlay's upper directory; undefined where it is not known
 */
export function writesShow(
  volume: Volume | undefined,
  upper: Volume | undefined,
): 'at-once' | 'flushed' | 'never' {
  if (volume === undefined) return 'flushed';
  const { type } = volume.type === 'overlay' ? (upper ?? volume) : volume;
  if (never.has(type) || type === 'overlay') return 'never';
  return atOnce.has(type) ? 'at-once' : 'flushed';
}

/** What belongs to the machine itself. */
export interface MachineVolumes {
  /** The user's home directory. */
  readonly home: string | undefined;
  /** The file systems of its root, and of the files that a container gets from it. */
  readonly devices: ReadonlySet<string>;
}

/** Files that a container runtime mounts into a container from the machine's own disk. */
const machineFiles = ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];

export function machineVolumes(home: string | undefined, mountInfo: string | undefined): MachineVolumes {
  const devices = ['/', ...machineFiles].map((path) => volumeOf(path, mountInfo)?.device ?? '');
  return { home, devices: new Set(devices.filter((device) => device !== '')) };
}

/**
 * Whether the key lies on the volume that it seals and would travel with it: on a volume of its own (a disk, a claim),
 * mounted once or twice, and not on the machine's root or in the user's home, where a laptop keeps both.
 */
export function keyTravelsWith(
  store: Volume | undefined,
  key: Volume | undefined,
  machine: MachineVolumes,
): boolean {
  if (store === undefined || key === undefined) return false;
  const isMachines = ({ mountPoint }: Volume) =>
    mountPoint === '/' || (machine.home !== undefined && isBelow(machine.home, mountPoint));
  if (isMachines(store) || isMachines(key)) return false;
  if (store.mountPoint === key.mountPoint) return true;
  if (store.device !== key.device || store.type !== key.type) return false;
  if (isBelow(store.root, key.root) || isBelow(key.root, store.root)) return true;
  // Two directories of the machine's own disk (two volumes of Docker) are as two places below its root.
  return !machine.devices.has(store.device);
}
