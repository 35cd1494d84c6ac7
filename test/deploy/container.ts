import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { top } from '../house/sources.ts';

const gather = join(top, 'manifests', 'deploy', 'docker', 'gather-libraries.sh');

/** Why containers cannot be run here; false where they can. */
export const noContainers: false | string =
  process.platform !== 'linux' ||
  process.getuid?.() !== 0 ||
  spawnSync('unshare', ['--mount', 'true']).status !== 0
    ? 'needs Linux and root, for mounts and users of their own'
    : false;

export interface Mount {
  readonly path: string;
  /** A directory or a file of this machine; undefined means an empty directory in memory. */
  readonly source: string | undefined;
  readonly readOnly: boolean;
}

export interface ContainerRun {
  /** The root directory of its image. */
  readonly root: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: number;
  readonly group: number;
  /** More groups: the fsGroup of a pod. */
  readonly groups: readonly number[];
  readonly mounts: readonly Mount[];
  readonly readOnlyRoot: boolean;
  readonly network: boolean;
}

/** Containers have an address of their own; here each port is one that is free. */
export const anyPort = (word: string): string => word.replace(/^0\.0\.0\.0:\d+$/, '127.0.0.1:0');

/** The root of the tool's own image, as its Dockerfile makes it. */
export function toolImage(executable: string, root: string): string {
  execFileSync('sh', [gather, executable, root]);
  return root;
}

/** The root of an image that has one program, its libraries, and those that another one needs. */
export function imageOf(program: string, at: string, root: string, other: string): string {
  const libraries = execFileSync('ldd', [program, other], { encoding: 'utf8' }).matchAll(
    /(?:=> |\t)(\/\S+) \(0x/g,
  );
  for (const [from, to] of [[program, at], ...[...libraries].map(([, path = '']) => [path, path])]) {
    mkdirSync(dirname(join(root, to ?? '')), { recursive: true });
    copyFileSync(from ?? '', join(root, to ?? ''));
  }
  return root;
}

/**
 * A container, as far as this machine has one: a root directory, mounts, a user and a network of its own, by `unshare`
 * and `chroot`. It keeps the capabilities of its user, which for all but root are none.
 */
export class Container {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;

  constructor(run: ContainerRun) {
    for (const { path, source } of run.mounts) {
      const at = join(run.root, path);
      const isFile = source !== undefined && !statSync(source).isDirectory();
      mkdirSync(isFile ? dirname(at) : at, { recursive: true });
      if (isFile) writeFileSync(at, '');
    }
    for (const path of ['proc', 'dev']) mkdirSync(join(run.root, path), { recursive: true });
    const own = ['--mount', '--propagation', 'private', ...(run.network ? [] : ['--net'])];
    this.child = spawn('unshare', [...own, 'sh', '-e', '-c', script(run), 'sh', ...run.words], {
      env: { ...run.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}

/** What the runtime does before the first word of the container runs. */
function script({ root, mounts, user, group, groups, readOnlyRoot }: ContainerRun): string {
  const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;
  // The path is given to these by the shell: the container's environment may have none.
  const lines = [
    // Node.js hands the coverage of the tests on to its children.
    'unset NODE_V8_COVERAGE',
    'export PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    `mount --bind ${quoted(root)} ${quoted(root)}`,
  ];
  if (readOnlyRoot) lines.push(`mount -o remount,bind,ro ${quoted(root)}`);
  lines.push(`mount --rbind /proc ${quoted(join(root, 'proc'))}`);
  for (const { path, source, readOnly } of mounts) {
    const at = quoted(join(root, path));
    if (source === undefined) lines.push(`mount -t tmpfs -o mode=1777 tmpfs ${at}`);
    else lines.push(`mount --bind ${quoted(source)} ${at}`);
    if (readOnly) lines.push(`mount -o remount,bind,ro ${at}`);
  }
  const others = groups.length === 0 ? "--groups=''" : `--groups=${groups.join(',')}`;
  lines.push(`exec chroot --userspec=${user}:${group} ${others} ${quoted(root)} "$@"`);
  return lines.join('\n');
}
