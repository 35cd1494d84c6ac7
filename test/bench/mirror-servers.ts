import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CatalogRecords } from '../../src/admission/index.ts';
import { Catalog } from '../../src/catalog/index.ts';
import { parseDigest, parseModelName } from '../../src/oci/index.ts';

/** A model of one blob, ready to be put into anybody's storage. */
export interface BenchModel {
  readonly blobFile: string;
  readonly blob: string;
  readonly size: number;
  readonly config: Buffer;
  readonly configDigest: string;
  readonly manifest: Buffer;
  readonly manifestDigest: string;
}

export interface BenchServer {
  readonly name: string;
  readonly port: number;
  readonly blobPath: string;
  readonly manifestPath: string | undefined;
  /** Processor seconds of the server and its children so far. */
  cpu(): number;
  stop(): Promise<void>;
}

const hex = (digest: string) => digest.slice('sha256:'.length);
const mirrorProgram = fileURLToPath(new URL('../../dist/model-mirror.cjs', import.meta.url));

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function putFile(path: string, from: string): void {
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(from, path);
}

/** Our data directory with the model in it, as an admission leaves it. */
export async function fillMirror(data: string, model: BenchModel): Promise<void> {
  const place = (digest: string) => join(data, 'blobs', 'sha256', hex(digest).slice(0, 2), hex(digest));
  putFile(place(model.blob), model.blobFile);
  put(place(model.configDigest), model.config);
  const now = () => new Date();
  const catalog = await Catalog.open(join(data, 'catalog.sqlite'), now);
  const blobs = [
    { digest: parseDigest(model.blob), size: model.size },
    { digest: parseDigest(model.configDigest), size: model.config.length },
  ];
  await new CatalogRecords(catalog, now).admit({
    name: parseModelName('tiny'),
    digest: parseDigest(model.manifestDigest),
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    bytes: model.manifest,
    ...{ blobs, source: 'bench', listDigest: undefined, listVersion: undefined },
  });
  await catalog.close();
}

/** zot keeps an OCI layout for each repository. */
export function fillZot(root: string, model: BenchModel): void {
  const folder = join(root, 'library', 'tiny');
  put(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
  const entry = { mediaType, digest: model.manifestDigest, size: model.manifest.length };
  const manifests = [{ ...entry, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }];
  put(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  const place = (digest: string) => join(folder, 'blobs', 'sha256', hex(digest));
  putFile(place(model.blob), model.blobFile);
  put(place(model.configDigest), model.config);
  put(place(model.manifestDigest), model.manifest);
}

/** The file system layout of distribution (registry/storage/paths.go). */
export function fillDistribution(root: string, model: BenchModel): void {
  const top = join(root, 'docker', 'registry', 'v2');
  const repository = join(top, 'repositories', 'library', 'tiny');
  const data = (digest: string) => join(top, 'blobs', 'sha256', hex(digest).slice(0, 2), hex(digest), 'data');
  putFile(data(model.blob), model.blobFile);
  put(data(model.configDigest), model.config);
  put(data(model.manifestDigest), model.manifest);
  for (const digest of [model.blob, model.configDigest])
    put(join(repository, '_layers', 'sha256', hex(digest), 'link'), digest);
  const manifests = join(repository, '_manifests');
  put(join(manifests, 'revisions', 'sha256', hex(model.manifestDigest), 'link'), model.manifestDigest);
  put(join(manifests, 'tags', 'latest', 'current', 'link'), model.manifestDigest);
  const index = join(manifests, 'tags', 'latest', 'index', 'sha256', hex(model.manifestDigest), 'link');
  put(index, model.manifestDigest);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
}

/** User and system time of a process and of its children, in seconds (proc_pid_stat(5); 100 ticks a second). */
function cpuOf(pid: number): number {
  const fields = (file: string) => {
    const stat = readFileSync(file, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  };
  const own = fields(`/proc/${pid}/stat`);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  const ticks = Number(own[11]) + Number(own[12]);
  return ticks / 100 + children.reduce((sum, child) => sum + cpuOf(Number(child)), 0);
}

/** Starts a server that serves one model under a folder that was filled for it. */
export async function startServer(
  kind: 'mirror' | 'mirror-tls' | 'nginx' | 'zot' | 'distribution',
  folder: string,
  model: BenchModel,
  tls: { readonly cert: string; readonly key: string } | undefined,
  upstream?: string,
): Promise<BenchServer> {
  const port = await freePort();
  const [command, words] = commandOf(kind, folder, port, tls);
  if (upstream !== undefined) words.push('--upstream', upstream);
  const child = spawn(command, words, {
    stdio: 'ignore',
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent' },
  });
  await listening(port, child);
  return {
    name: kind,
    port,
    blobPath: kind === 'nginx' ? '/blob' : `/v2/library/tiny/blobs/${model.blob}`,
    manifestPath: kind === 'nginx' ? undefined : '/v2/library/tiny/manifests/latest',
    cpu: () => cpuOf(child.pid ?? 0),
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function commandOf(
  kind: string,
  folder: string,
  port: number,
  tls: { readonly cert: string; readonly key: string } | undefined,
): readonly [string, string[]] {
  const config = join(folder, `${kind}.conf`);
  if (kind === 'nginx') {
    put(
      config,
      `${process.getuid?.() === 0 ? 'user root; ' : ''}daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log /dev/null;\nevents {}\nhttp { access_log off; sendfile on; tcp_nopush on; client_body_temp_path ${folder}/t1; proxy_temp_path ${folder}/t2; fastcgi_temp_path ${folder}/t3; uwsgi_temp_path ${folder}/t4; scgi_temp_path ${folder}/t5; server { listen 127.0.0.1:${port}; root ${folder}/www; } }\n`,
    );
    return ['nginx', ['-p', folder, '-c', config]];
  }
  if (kind === 'zot') {
    const http = { address: '127.0.0.1', port: `${port}`, compat: ['docker2s2'] };
    put(
      config,
      JSON.stringify({ storage: { rootDirectory: join(folder, 'zot') }, http, log: { level: 'error' } }),
    );
    return ['zot', ['serve', config]];
  }
  if (kind === 'distribution') {
    put(
      config,
      `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${join(folder, 'distribution')}}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
    );
    return ['registry', ['serve', config]];
  }
  const secure = tls === undefined ? [] : ['--tls-cert', tls.cert, '--tls-key', tls.key];
  const words = [
    'serve',
    '--data',
    join(folder, 'mirror'),
    '--listen',
    `127.0.0.1:${port}`,
    '--log-level',
    'error',
  ];
  return [process.execPath, [mirrorProgram, ...words, ...secure]];
}
