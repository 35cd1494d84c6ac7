import { KnownError } from '../../src/errors/index.ts';
import { HashPool } from '../../src/hash/index.ts';
import {
  type Account,
  type AllowedModel,
  buildAllowedView,
  type Outcasts,
  quarantine,
  reflink,
  refuseLedAstray,
} from '../../src/launch/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import { type CheckReport, printable } from '../../src/report/index.ts';
import { type CheckRequest, namedBlobs } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { counted } from './context.ts';

export interface FailedCheck {
  /** The store as it was named. */
  readonly named: string;
  readonly request: CheckRequest;
  readonly report: CheckReport;
  readonly account: Account | undefined;
}

/**
 * What `--on-fail` makes of a store that is not in order: the store or the view that may start once it was checked in
 * turn; undefined where nothing may.
 *
 * @throws KnownError START_REFUSED
 */
export async function mendForStart(
  kind: 'stop' | 'quarantine' | 'serve-allowed',
  failed: FailedCheck,
  io: Io,
): Promise<string | undefined> {
  const { report, request } = failed;
  // A list that was not accepted trusts nothing, and a run that was cut short proved nothing: neither says what is bad.
  const judged =
    report.exitCode < 16 && !report.partial && (!report.trustChecked || report.allowList !== null);
  // Nor does a key that somebody else can replace.
  const byOthers = report.findings.some(({ rule, bit }) => rule === 'trust-file-writable' && bit !== 0);
  if (kind === 'stop' || !judged || byOthers || io.interrupted.aborted) return undefined;
  refuseLedAstray(failed.named, request.store);
  if (kind === 'serve-allowed') return serveAllowed(failed, io);
  const unchecked = report.models.find(({ status }) => status === 'unchecked');
  if (unchecked !== undefined) {
    const problem = `${unchecked.shortName} could not be checked, so it is not known whether it belongs into quarantine`;
    throw new KnownError('START_REFUSED', { problem });
  }
  const moved = quarantine(request.store, await outcastsOf(failed, io), { now: io.now(), uid: io.uid });
  const what = `${counted(moved.models, 'model')} and ${counted(moved.blobs, 'blob')} moved to ${printable(moved.path)}`;
  const isNothing = moved.models + moved.blobs === 0;
  await io.stderr.write(`quarantined: ${isNothing ? 'nothing' : what}; the rest is checked again\n`);
  return request.store;
}

async function outcastsOf({ report, request }: FailedCheck, io: Io): Promise<Outcasts> {
  const bad = new Set(report.models.flatMap(({ name, status }) => (status === 'ok' ? [] : [name])));
  const { models, complete } = await namedBlobs(request.store, request.followLinksInto, io.interrupted);
  const orphans = report.findings.flatMap(({ rule, digest }) =>
    rule === 'orphan-altered' && digest !== undefined ? [digest as Digest] : [],
  );
  const kept = new Set([...models].flatMap(([name, blobs]) => (bad.has(name) ? [] : [...blobs])));
  const named = [...models].flatMap(([name, blobs]) => (bad.has(name) ? [...blobs] : []));
  // What an unread manifest may name stays.
  const blobs = complete
    ? [...new Set([...named.filter((digest) => !kept.has(digest)), ...orphans])]
    : orphans;
  return { models: [...bad], blobs };
}

async function serveAllowed({ report, request, account }: FailedCheck, io: Io): Promise<string> {
  const ok = report.models.filter(({ status }) => status === 'ok');
  const allowed = await allowedIn(request, ok, io);
  const { store, jobs, maxRate } = request;
  const pool = new HashPool({ threads: jobs, maxRate });
  const cancel = () => pool.cancel();
  io.interrupted.addEventListener('abort', cancel, { once: true });
  const digest = async (fd: number, label: string) => (await pool.digest(fd, label)).digest;
  let view: string;
  try {
    view = await buildAllowedView(store, allowed, account, { uid: io.uid, clone: reflink, digest, jobs });
  } finally {
    io.interrupted.removeEventListener('abort', cancel);
    await pool.close();
  }
  const left = report.models.length - ok.length;
  await io.stderr.write(
    `serve-allowed: ${counted(ok.length, 'model')} in ${printable(view)}, ${left} left out; the view is checked now\n`,
  );
  return view;
}

/** The blobs that each sound model names, in the very manifest that was checked. @throws KnownError START_REFUSED */
async function allowedIn(
  { store, followLinksInto }: CheckRequest,
  ok: CheckReport['models'],
  io: Io,
): Promise<readonly AllowedModel[]> {
  const { models, manifests } = await namedBlobs(store, followLinksInto, io.interrupted);
  return ok.map(({ name, shortName, manifestDigest }) => {
    const manifest = manifests.get(name);
    if (manifest === undefined || manifest !== manifestDigest) {
      const problem = `the manifest of ${shortName} was replaced since its check`;
      throw new KnownError('START_REFUSED', { problem });
    }
    return { name, manifest, blobs: models.get(name) ?? new Set<Digest>() };
  });
}
