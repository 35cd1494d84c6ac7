import { join } from 'node:path';
import {
  Admission,
  type AdmissionEvents,
  CatalogRecords,
  type Policy,
  Routes,
} from '../../src/admission/index.ts';
import { BlobDirectory } from '../../src/blobs/index.ts';
import { Catalog } from '../../src/catalog/index.ts';
import type { MirrorSettings, UpstreamSetting } from '../../src/config/index.ts';
import type { Fact } from '../../src/findings/index.ts';
import { defaultHost } from '../../src/oci/index.ts';
import type { Upstream } from '../../src/upstream/index.ts';
import { swappableFiles } from '../../src/verify/index.ts';
import { connect } from '../network/index.ts';
import { type Io, tellFacts, trustFilesOf } from '../terminal/index.ts';
import { ListKeeper } from './list-keeper.ts';
import { dataPathOf, settingsFileOf, type TypedFlags, upstreamsOf } from './mirror-settings.ts';
import { openData } from './own-data.ts';

/** How long a client that does not hold waits at the manifest, and how long a reason is repeated. */
const patienceMs = 5 * 60_000;
const failureMs = 30_000;

export interface OpenMirror {
  readonly data: string;
  readonly catalog: Catalog;
  readonly records: CatalogRecords;
  readonly blobs: BlobDirectory;
  readonly list: ListKeeper;
  readonly policy: Policy;
  readonly contact: string;
  readonly routes: Routes<Upstream>;
  /** Lets models in until the signal is aborted. */
  admission(
    events: AdmissionEvents,
    signal: AbortSignal,
    more?: { readonly fetchUnlisted?: boolean; readonly lookAtList?: () => Promise<void> },
  ): Admission;
  close(): Promise<void>;
}

/** Everything that stands behind a mirror: its data, its list, its upstreams. @param warn told what somebody else can write */
export async function openMirror(
  settings: Partial<MirrorSettings>,
  flags: TypedFlags,
  io: Io,
  warn: (fact: Pick<Fact, 'message' | 'hint'>) => Promise<void> | void = (fact) => tellFacts([fact], io),
): Promise<OpenMirror> {
  const data = dataPathOf(settings, io);
  const place = { what: 'the data directory', path: data, kind: 'place' } as const;
  openData(data, io.uid);
  for (const fact of swappableFiles([...trustFilesOf(settings, settingsFileOf(flags, io)), place], io.uid))
    await warn(fact);
  const effects = { now: io.now, pid: io.pid, uid: io.uid, every: io.every };
  const blobs = BlobDirectory.open(data, effects, { maxData: settings['max-data'] });
  const catalog = await Catalog.open(join(data, 'catalog.sqlite'), io.now);
  const list = await listBeside(catalog, settings, join(data, 'state'), io);
  const { usual, others } = upstreamsOf(settings);
  const ways = {
    redirectHosts: settings['redirect-hosts'],
    ca: settings.ca,
    proxy: settings.proxy,
    identity: settings.identity,
  };
  const route = (setting: UpstreamSetting, host = setting.url.host) => ({
    host,
    upstream: connect(setting.url, ways, io),
  });
  // Wherever the usual one is reached (a proxy, another mirror), its models are those of the official library.
  const routes = new Routes(
    route(usual, defaultHost),
    new Map(others.map((setting) => [setting.mirrorHost ?? '', route(setting)])),
  );
  const records = new CatalogRecords(catalog, io.now);
  const policy = settings.policy ?? (settings['allow-list'] === undefined ? 'observe' : 'enforce');
  const contact = settings.contact ?? 'whoever runs this mirror';
  return {
    ...{ data, catalog, records, blobs, list, policy, contact, routes },
    admission: (events, signal, more = {}) =>
      new Admission({
        ...{ records, blobs, routes, policy, contact, events, signal, patienceMs, failureMs },
        list: () => list.standing,
        isListDue: () => list.isDue,
        lookAtList: more.lookAtList ?? (async () => void (await list.refresh())),
        fetchUnlisted: more.fetchUnlisted ?? settings['fetch-unlisted'] === true,
        queue: { running: settings['max-jobs'] ?? 2, waiting: 1000, waitingEach: 200 },
        now: io.now,
        after: io.after,
      }),
    async close() {
      for (const { upstream } of routes.all) await upstream.close();
      try {
        await records.flush();
      } finally {
        await catalog.close();
      }
    },
  };
}

/** The list of a mirror; where that is refused the catalog is closed, for nobody else will do it. */
async function listBeside(
  catalog: Catalog,
  settings: Partial<MirrorSettings>,
  statePath: string,
  io: Io,
): Promise<ListKeeper> {
  try {
    return await ListKeeper.open(
      settings,
      statePath,
      async (digest) => (await catalog.byDigest(digest))?.bytes,
      io,
    );
  } catch (error) {
    await catalog.close();
    throw error;
  }
}
