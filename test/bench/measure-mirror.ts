import { execFileSync, spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LibraryStandIn } from '../fixtures/library-stand-in.ts';
import { hasOpenssl, makeCertificate } from '../real-client/certificate.ts';
import { makeModel } from './bench-model.ts';
import type { Conditions } from './measurements.ts';
import {
  type BenchModel,
  type BenchServer,
  fillDistribution,
  fillMirror,
  fillZot,
  startServer,
} from './mirror-servers.ts';
import type { MirrorRow } from './mirror-table.ts';
import { median } from './rounds.ts';
import { isInstalled, measure, type Program } from './run-program.ts';

const manifestClient = fileURLToPath(new URL('./manifest-client.ts', import.meta.url));
const mirrorProgram = fileURLToPath(new URL('../../dist/model-mirror.cjs', import.meta.url));
const parts = 16;

/** The rows of the mirror: serving, manifests, ingest. Peers that are not installed are left out. */
export async function measureMirror(conditions: Conditions): Promise<MirrorRow[]> {
  const folder = join(conditions.folder, 'mirror-bench');
  mkdirSync(folder);
  conditions.tell('making one model for the mirror and its peers');
  const model = makeModel(folder, Math.ceil(conditions.bytes / 4));
  await fillMirror(join(folder, 'mirror'), model);
  mkdirSync(join(folder, 'www'));
  linkSync(model.blobFile, join(folder, 'www', 'blob'));
  const kinds = (['nginx', 'zot', 'distribution'] as const).filter(
    (kind) => spawnSync(kind === 'distribution' ? 'registry' : kind, ['--help']).error === undefined,
  );
  if (kinds.includes('zot')) fillZot(join(folder, 'zot'), model);
  if (kinds.includes('distribution')) fillDistribution(join(folder, 'distribution'), model);
  const servers = [await startServer('mirror', folder, model, undefined)];
  for (const kind of kinds) servers.push(await startServer(kind, folder, model, undefined));
  try {
    conditions.tell('serving');
    const rows = [
      ...(await serving(servers, model, conditions)),
      ...(await overTls(folder, model, conditions)),
      manifests(servers, conditions),
      ...(await ingest(servers, folder, model, conditions)),
      await upstreamBytes(folder, conditions),
    ];
    return rows;
  } finally {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true });
  }
}

interface Served {
  readonly name: string;
  readonly gibPerSecond: number;
  readonly cpuPerGib: number;
}

/** A client that throws away what comes: one whole, or 16 ranges at once, each by a curl of its own. */
function client(server: BenchServer, size: number, ranged: boolean, scheme = 'http'): Program {
  const url = `${scheme}://127.0.0.1:${server.port}${server.blobPath}`;
  const step = Math.ceil(size / parts);
  const ranges = Array.from(
    { length: parts },
    (_, at) => `${at * step}-${Math.min(size, (at + 1) * step) - 1}`,
  );
  const one = 'curl -skf -o /dev/null';
  const script = ranged
    ? `${ranges.map((range) => `${one} -r ${range} '${url}' &`).join('\n')}\nwait`
    : `${one} '${url}'`;
  return { name: server.name, command: 'sh', args: ['-c', script] };
}

async function serve(
  servers: readonly BenchServer[],
  model: BenchModel,
  { rounds, signal }: Conditions,
  ranged: boolean,
  scheme?: string,
): Promise<Served[]> {
  const gib = model.size / 2 ** 30;
  const seconds = servers.map((): number[] => []);
  const cpu = servers.map(() => 0);
  // Once for nothing: the first reading fills caches and compiles.
  for (const server of servers) await measure(client(server, model.size, ranged, scheme));
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, server] of servers.entries()) {
      signal.throwIfAborted();
      const before = server.cpu();
      seconds[at]?.push((await measure(client(server, model.size, ranged, scheme))).seconds);
      cpu[at] = (cpu[at] ?? 0) + server.cpu() - before;
    }
  }
  return servers.map(({ name }, at) => ({
    name,
    gibPerSecond: gib / median(seconds[at] ?? []),
    cpuPerGib: (cpu[at] ?? 0) / (gib * rounds),
  }));
}

const peersOf = (served: readonly Served[], of: (one: Served) => number) =>
  Object.fromEntries(served.slice(1).map((one) => [one.name, of(one)]));

async function serving(
  servers: readonly BenchServer[],
  model: BenchModel,
  conditions: Conditions,
): Promise<MirrorRow[]> {
  const rows: MirrorRow[] = [];
  for (const ranged of [false, true]) {
    const served = await serve(servers, model, conditions, ranged);
    const [ours] = served;
    const speed = peersOf(served, ({ gibPerSecond }) => gibPerSecond);
    const own = ours?.gibPerSecond ?? 0;
    const what = `${(model.size / 2 ** 30).toFixed(2)} GiB, ${ranged ? '16 ranges as Ollama asks' : 'one client'}`;
    rows.push({
      ...{ what: `serving one blob, ${what}`, unit: 'GiB/s', ours: own, peers: speed },
      target: '> zot and distribution, 0.85 x nginx or more',
      met: Object.entries(speed).every(([name, value]) => own > (name === 'nginx' ? 0.85 : 1) * value),
    });
    rows.push({
      ...{ what: `processor time of the server, ${what}`, unit: 's/GiB', ours: ours?.cpuPerGib },
      peers: peersOf(served, ({ cpuPerGib }) => cpuPerGib),
      target: '0.36 s/GiB or less',
      met: (ours?.cpuPerGib ?? 1) <= 0.36,
    });
  }
  return rows;
}

async function overTls(folder: string, model: BenchModel, conditions: Conditions): Promise<MirrorRow[]> {
  if (!hasOpenssl()) return [];
  const { certFile: cert } = makeCertificate(folder, 'localhost');
  const server = await startServer('mirror-tls', folder, model, { cert, key: join(folder, 'key.pem') });
  try {
    const [ours] = await serve([server], model, conditions, true, 'https');
    return [
      {
        ...{
          what: 'processor time of the server over TLS, 16 ranges',
          unit: 's/GiB',
          ours: ours?.cpuPerGib,
          peers: {},
        },
        target: '0.70 s/GiB or less',
        met: (ours?.cpuPerGib ?? 1) <= 0.7,
      },
    ];
  } finally {
    await server.stop();
  }
}

function manifests(servers: readonly BenchServer[], { rounds, tell }: Conditions): MirrorRow {
  tell('asking for manifests');
  const rates = new Map<string, number[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, port, manifestPath } of servers) {
      if (manifestPath === undefined) continue;
      const words = [manifestClient, `${port}`, manifestPath, '1'];
      const rate = Number(execFileSync(process.execPath, words, { encoding: 'utf8' }));
      rates.set(name, [...(rates.get(name) ?? []), rate]);
    }
  }
  const [ours, ...peers] = [...rates].map(([name, values]) => [name, median(values)] as const);
  const zot = peers.find(([name]) => name === 'zot')?.[1];
  return {
    ...{ what: 'manifests, 16 connections of a Node client', unit: '/s', ours: ours?.[1] },
    peers: Object.fromEntries(peers),
    target: '3 x zot or more',
    met: zot === undefined || ours === undefined ? undefined : ours[1] >= 3 * zot,
  };
}

async function ingest(
  servers: readonly BenchServer[],
  folder: string,
  model: BenchModel,
  { rounds, signal, tell }: Conditions,
): Promise<MirrorRow[]> {
  const source =
    servers.find(({ name }) => name === 'distribution') ?? servers.find(({ name }) => name === 'zot');
  if (source === undefined || !isInstalled('crane')) return [];
  tell('fetching the model from a registry, to a data directory and to a layout');
  const upstream = `http://127.0.0.1:${source.port}`;
  const to = (name: string) => join(folder, name);
  const sync = [
    mirrorProgram,
    'sync',
    'tiny',
    '--data',
    to('ingest'),
    '--upstream',
    upstream,
    '--progress',
    'none',
  ];
  const name = `127.0.0.1:${source.port}/library/tiny:latest`;
  const programs: Program[] = [
    { name: 'ours', command: process.execPath, args: sync },
    { name: 'crane', command: 'crane', args: ['pull', '--insecure', '--format', 'oci', name, to('layout')] },
  ];
  const seconds: Record<string, number[]> = { ours: [], crane: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const program of programs) {
      signal.throwIfAborted();
      seconds[program.name]?.push((await measure(program)).seconds);
      for (const place of ['ingest', 'layout']) rmSync(to(place), { recursive: true, force: true });
    }
  }
  const rate = (of: string) => model.size / 2 ** 30 / median(seconds[of] ?? []);
  return [
    {
      what: `ingest of one blob of ${(model.size / 2 ** 30).toFixed(2)} GiB: download, verify, store`,
      ...{ unit: 'GiB/s', ours: rate('ours'), peers: { 'crane pull': rate('crane') } },
      target: '1.00 x crane or more',
      met: rate('ours') >= rate('crane'),
    },
  ];
}

/** Clients that want the same cold model at once. */
const together = 16;

/** Bytes that upstream sent for all of them, in models. */
async function upstreamBytes(folder: string, { tell }: Conditions): Promise<MirrorRow> {
  tell(`pulling one cold model by ${together} clients at once`);
  const library = await LibraryStandIn.start();
  const own = join(folder, 'cold');
  mkdirSync(own);
  const model = makeModel(own, 64 * 2 ** 20);
  library.publish('library/tiny', 'latest', model.manifest, [readFileSync(model.blobFile), model.config]);
  const server = await startServer('mirror', own, model, undefined, library.url.origin);
  try {
    const at = `http://127.0.0.1:${server.port}`;
    const one = `curl -sf -o /dev/null '${at}${server.manifestPath}' && curl -sf -o /dev/null '${at}${server.blobPath}' &`;
    const script = `${Array.from({ length: together }, () => one).join('\n')}\nwait`;
    await measure({ name: 'clients', command: 'sh', args: ['-c', script] });
    const ours = library.sent / (model.size + model.config.length);
    const what = `upstream bytes for ${together} clients of one cold model`;
    return { what, unit: 'x the model', ours, peers: {}, target: '1.00 x the model', met: ours === 1 };
  } finally {
    await server.stop();
    await library.close();
  }
}
