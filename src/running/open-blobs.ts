import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, parseDigest } from '../oci/index.ts';

/** A file with the name of a blob that some process uses. */
export interface OpenBlob {
  readonly pid: number;
  /** By the name of the file; what its bytes are is not known from it. */
  readonly digest: Digest;
  /** Open or mapped: the very file. Named: a word of the process's command line, which may have been read and closed. */
  readonly how: 'open' | 'named';
  /** Of the file that is open, or that lies where the process names it; undefined where that cannot be asked. */
  readonly ino?: bigint | undefined;
  /** Undefined where this user may not ask: /proc/PID/maps gives device numbers that file systems like btrfs do not have. */
  readonly dev?: bigint | undefined;
  /** When the process started, milliseconds since 1970; to one tick (10 ms) after a boot time in whole seconds. */
  readonly startedAt: number;
}

export interface OpenBlobs {
  readonly blobs: readonly OpenBlob[];
  /** Processes of Ollama into which this user may not look. */
  readonly closed: readonly number[];
  /** False where no process of Ollama is known. */
  readonly found: boolean;
}

/** A blob's name at the end of a path; a file that was deleted since says so there. */
const blobAtEnd = /\/sha256-([0-9a-f]{64})(?: \(deleted\))?$/;
/** Clock ticks a second in /proc/PID/stat: 100 on every Linux that Node.js runs on (getconf CLK_TCK). */
const ticksPerSecond = 100;

/** Every use of a file with the name of a blob by some processes of this machine. Linux (proc(5)). */
export function openBlobs(pids: ReadonlySet<number>, proc = '/proc'): OpenBlobs {
  const blobs: OpenBlob[] = [];
  const closed: number[] = [];
  const bootedAt = Number(/^btime (\d+)$/m.exec(textOf(join(proc, 'stat')) ?? '')?.[1] ?? 0) * 1000;
  for (const pid of pids) {
    const folder = join(proc, `${pid}`);
    const startedAt = startOf(folder, bootedAt);
    // It ended meanwhile.
    if (startedAt === undefined) continue;
    const own = [...openFiles(folder), ...mappedFiles(folder)].map((file) => ({ pid, startedAt, ...file }));
    blobs.push(...own, ...namedFiles(folder).map((file) => ({ pid, startedAt, ...file })));
    if (!mayLook(folder)) closed.push(pid);
  }
  return { blobs, closed, found: pids.size > 0 };
}

type OpenFile = Pick<OpenBlob, 'digest' | 'how' | 'ino' | 'dev'>;

function openFiles(folder: string): OpenFile[] {
  return namesIn(join(folder, 'fd')).flatMap((fd) => {
    const path = join(folder, 'fd', fd);
    const digest = digestOf(targetOf(path));
    const stat = digest === undefined ? undefined : identityAt(path);
    return digest === undefined || stat === undefined ? [] : [{ digest, how: 'open' as const, ...stat }];
  });
}

/** Lines of maps: `START-END PERMS OFFSET DEV INODE PATH`. The same file is mapped in several pieces. */
function mappedFiles(folder: string): OpenFile[] {
  const found = new Map<string, OpenFile>();
  for (const line of textOf(join(folder, 'maps'))?.split('\n') ?? []) {
    const [, range = '', inode = '', path = ''] = /^(\S+) \S+ \S+ \S+ (\d+) +(\/.*)$/.exec(line) ?? [];
    const digest = digestOf(path);
    if (digest === undefined || found.has(inode)) continue;
    const exact = identityAt(join(folder, 'map_files', range));
    found.set(inode, { digest, how: 'open', ...(exact ?? { ino: BigInt(inode), dev: undefined }) });
  }
  return [...found.values()];
}

/** The words of a command line; what lies there is seen from where the process is: another store has the same names. */
function namedFiles(folder: string): OpenFile[] {
  return (textOf(join(folder, 'cmdline'))?.split('\0') ?? []).flatMap((word) => {
    const digest = digestOf(word);
    if (digest === undefined) return [];
    const path = word.replace(/^-[^=]*=/, '');
    const { ino, dev } = identityAt(join(folder, path.startsWith('/') ? 'root' : 'cwd', path)) ?? {};
    return [{ digest, how: 'named' as const, ino, dev }];
  });
}

const digestOf = (path: string | undefined): Digest | undefined => {
  const hex = blobAtEnd.exec(path ?? '')?.[1];
  return hex === undefined ? undefined : parseDigest(`sha256:${hex}`);
};

/** Field 22 of /proc/PID/stat; the name of the program before it may hold anything, but ends with the last bracket. */
function startOf(folder: string, bootedAt: number): number | undefined {
  const stat = textOf(join(folder, 'stat'));
  const ticks = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  return Number.isFinite(ticks) ? bootedAt + (ticks * 1000) / ticksPerSecond : undefined;
}

function mayLook(folder: string): boolean {
  try {
    readdirSync(join(folder, 'fd'));
    return true;
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function identityAt(path: string): { ino: bigint; dev: bigint } | undefined {
  try {
    const { ino, dev } = statSync(path, { bigint: true });
    return { ino, dev };
  } catch {
    return undefined;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
