import { Registry, type RegistryOptions } from '../../server/index.ts';
import type { ListenAddress, MirrorSettings } from '../../src/config/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { Admin, createLogger, type Logger, Metrics } from '../../src/observe/index.ts';
import { printable } from '../../src/report/index.ts';
import { readPem } from '../network/index.ts';
import type { Io } from '../terminal/index.ts';
import { listFilesOf } from './list-files.ts';
import { refuseJson, settingsOf, type TypedFlags } from './mirror-settings.ts';
import { type OpenMirror, openMirror } from './open-mirror.ts';
import { ownNamesOf } from './own-names.ts';

const usualListen: ListenAddress = { host: '127.0.0.1', port: 11_435 };

/** How long what is being sent may take to end after SIGTERM. */
const drainMs = 30_000;

/** Connections, and requests that are held, over all clients. */
const manyAtOnce = 4096;

/** Of one client address: 32 pulls of 16 parts each. */
const usualShare = 512;

/** A client that takes nothing of its answer is cut; Ollama gives a part up that stalls for as long, and asks again. */
const stallMs = 30_000;

/** How often the files of the list are looked at. */
const lookMs = 5_000;

/** How often what is only counted so far is written down: refusals, and lines of the log that were left out. */
const countsMs = 60_000;

/** `model-mirror serve`: until it is told to stop. */
export async function runServe(flags: TypedFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  refuseJson(settings, 'serve');
  const tls = tlsOf(settings);
  const listen = settings.listen ?? usualListen;
  refuseStrangers(listen, settings);
  const log = createLogger((line) => void io.stderr.write(line), settings['log-level'] ?? 'info', io.now);
  const mirror = await openMirror(settings, flags, io, ({ message, hint }) => log.warn(message, { hint }));
  const stop = new AbortController();
  const { catalog } = mirror;
  const metrics = new Metrics({
    held: () => registry.held,
    models: async () => (await catalog.totals()).models,
    blobs: async () => (await catalog.totals()).blobs,
    bytes: async () => (await catalog.totals()).bytes,
  });
  const admission = mirror.admission(eventsOf(log, metrics), stop.signal, {
    lookAtList: () => lookAtList(mirror, log),
  });
  const registry = new Registry({
    ...{ mirror: admission, listFiles: listFilesOf(settings), tls, now: io.now, monotonic: io.monotonic },
    ...limitsOf(settings),
    names: ownNamesOf(listen.host, settings, mirror, tls?.cert),
    randomText: randomTexts(io),
    ...requestsOf(log, metrics),
  });
  const admin = new Admin({ ready: readiness(mirror, log), metrics: () => metrics.text() });
  try {
    const { port } = await listenOn(registry, listen);
    const adminListen = settings['admin-listen'];
    const adminPort = adminListen && (await listenOn(admin, adminListen)).port;
    await noteList(mirror, log);
    await io.stdout.write(greeting(mirror, listen.host, port, tls !== undefined));
    if (adminListen !== undefined)
      await io.stdout.write(`health and metrics on http://${bracketed(adminListen.host)}:${adminPort}\n`);
    const stopLooking = io.every(lookMs, () => void lookAtList(mirror, log));
    const stopCounting = io.every(countsMs, () => void writeCounts(mirror, log));
    await untilAborted(io.interrupted);
    stopLooking();
    stopCounting();
    log.info('stopping: what is being sent may end');
    await registry.drain(io.after(drainMs));
    return 0;
  } finally {
    stop.abort(new KnownError('CANCELLED'));
    await registry.drain(AbortSignal.abort());
    await admin.close();
    log.flush();
    await mirror.close();
  }
}

async function writeCounts({ records }: OpenMirror, log: Logger): Promise<void> {
  log.flush();
  try {
    await records.flush();
  } catch (error) {
    log.error('refusals cannot be written down; they are counted on', { problem: describeCause(error) });
  }
}

function tlsOf(settings: Partial<MirrorSettings>): RegistryOptions['tls'] {
  const { 'tls-cert': cert, 'tls-key': key } = settings;
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new KnownError('USAGE', { problem: '--tls-cert and --tls-key go together' });
  return { cert: Buffer.from(readPem(cert)), key: Buffer.from(readPem(key)) };
}

function limitsOf({ 'max-per-address': each = usualShare }: Partial<MirrorSettings>) {
  return { held: { all: manyAtOnce, each }, connections: { all: manyAtOnce, each, stallMs } };
}

/** Texts of 24 hexadecimal digits; random bytes are asked for a few hundred texts at a time. */
function randomTexts({ random }: Io): () => string {
  let bytes = Buffer.alloc(0);
  return () => {
    if (bytes.length < 12) bytes = Buffer.from(random(12 * 256));
    const text = bytes.toString('hex', 0, 12);
    bytes = bytes.subarray(12);
    return text;
  };
}

/** Whoever reaches another address than this machine's may be anybody. */
function refuseStrangers({ host }: ListenAddress, { anonymous }: Partial<MirrorSettings>): void {
  if (anonymous === true || host === 'localhost' || host === '::1' || host.startsWith('127.')) return;
  throw new KnownError('USAGE', {
    problem: `${host} can be reached from other machines, and this mirror would not know who they are: --anonymous serves them all the same`,
  });
}

async function listenOn(
  server: { listen(host: string, port: number): Promise<{ readonly port: number }> },
  { host, port }: ListenAddress,
): Promise<{ readonly port: number }> {
  try {
    return await server.listen(host, port);
  } catch (error) {
    throw new KnownError(
      'LISTEN_FAILED',
      { address: `${host}:${port}`, problem: describeCause(error) },
      error,
    );
  }
}

const eventsOf = (log: Logger, metrics: Metrics) => ({
  admitted(name: string, bytes: number) {
    metrics.admitted(bytes);
    log.info('admitted', { model: name, bytes });
  },
  failed(name: string, error: unknown) {
    metrics.failed();
    const code = error instanceof KnownError ? error.code : undefined;
    log.warn('not admitted', { model: name, code, problem: describeCause(error) });
  },
  tableWrong(digest: string) {
    log.warn('the chunk table of the list is not that of the bytes, whose digest is right', { blob: digest });
  },
});

const requestsOf = (log: Logger, metrics: Metrics): Pick<RegistryOptions, 'onRequest' | 'onError'> => ({
  onRequest({ id, method, kind, path, status, bytes, ms, peer }) {
    metrics.request(kind, status, bytes, ms);
    log.info('request', { id, method, kind, path, status, bytes, ms: Math.round(ms), peer });
  },
  onError(id, error) {
    const code = error instanceof KnownError ? error.code : undefined;
    log.error('a request failed', { id, code, problem: describeCause(error) });
  },
});

const readiness = (mirror: OpenMirror, log: Logger) => async (): Promise<string | undefined> => {
  const { list, policy } = mirror;
  if (list.isDue) await lookAtList(mirror, log);
  return policy === 'enforce' && list.standing.kind === 'refused'
    ? `the allow-list is not accepted: ${list.standing.reason}`
    : undefined;
};

/** The audit log says which list was in force from when on. */
async function noteList({ list: { standing, warning }, records }: OpenMirror, log: Logger): Promise<void> {
  if (warning !== undefined) warnOf(warning, log);
  if (standing.kind !== 'accepted') return;
  const { list, digest } = standing.approved;
  await records.note({ kind: 'list-accepted', listId: list.listId, version: list.version, list: digest });
}

async function lookAtList({ list, records }: OpenMirror, log: Logger): Promise<void> {
  try {
    const news = await list.refresh();
    if (news === undefined) return;
    if (news.kind === 'refused') log.warn('a list that is not accepted', { reason: news.reason });
    else if (news.kind === 'warned') warnOf(news.warning, log);
    else {
      const { kind, listId, version, digest } = news;
      if (kind === 'accepted') {
        log.info('a list came into force', { listId, version, digest });
        await records.note({ kind: 'list-accepted', listId, version, list: digest });
      } else {
        const { reason } = news;
        log.error('the list is no more in force', { listId, version, digest, reason });
        await records.note({ kind: 'list-ended', listId, version, list: digest, reason });
      }
    }
  } catch (error) {
    log.error('the list cannot be looked at', { problem: describeCause(error) });
  }
}

const warnOf = (warning: string, log: Logger): void => log.warn('the list is in force', { warning });

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** What serves where, and what to type on a client. */
function greeting({ data, policy, list }: OpenMirror, host: string, port: number, secure: boolean): string {
  const shown = bracketed(host);
  const { standing } = list;
  const by =
    standing.kind === 'accepted'
      ? `allow-list ${standing.approved.list.listId} version ${standing.approved.list.version}`
      : standing.kind === 'none'
        ? 'no allow-list'
        : `allow-list not accepted: ${standing.reason}`;
  const at = secure && port === 443 ? shown : `${shown}:${port}`;
  const name = `${at}/library/llama3.2`;
  return [
    `serving on ${secure ? 'https' : 'http'}://${at}`,
    `data     ${printable(data)}`,
    `policy   ${policy} (${printable(by)})`,
    'type on a client:',
    `  ollama pull ${secure ? '' : '--insecure '}${name}`,
    `  ollama cp ${name} llama3.2`,
    '',
  ].join('\n');
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
