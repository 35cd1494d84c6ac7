import { compareLists } from '../../src/allow-list/index.ts';
import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type Renewal, renewList } from '../../src/renewal/index.ts';
import { printable } from '../../src/report/index.ts';
import { openList, settleList } from '../../src/verify/index.ts';
import { connect } from '../network/index.ts';
import { type Io, tellSwappable, trustFilesOf } from '../terminal/index.ts';
import { requestOf } from './check.ts';
import { counted, nextLine, refuseFormats, settingsFileOf, settingsOf, type TypedFlags } from './context.ts';
import { listRequestOf } from './list-request.ts';

/** `verify-models fetch --from MIRROR`: a newer list with all that belongs to it, after every check. */
export async function runFetch(flags: TypedFlags, io: Io): Promise<number> {
  refuseFormats(flags, 'fetch');
  const settings = settingsOf(flags, io);
  const path = settings['allow-list'] ?? 'allow-list.json';
  const mirror = mirrorOf(settings);
  await tellSwappable(trustFilesOf({ ...settings, 'allow-list': path }, settingsFileOf(flags, io)), io);
  const upstream = connect(mirror, { ca: settings.ca }, io);
  const { openState } = requestOf([], settings, '', io);
  const request = listRequestOf({ ...settings, 'allow-list': path }, openState, io.now());
  try {
    const renewal = await renewList(
      { place: mirror.href, get: (name, limit) => upstream.listFile(name, limit, io.interrupted) },
      { ...request, path },
    );
    // What lies here now is judged as every check judges it, and remembered.
    const listed = await openList({ ...request, acts: true, from: mirror.href });
    const outcome = listed && (await settleList(listed));
    if (outcome?.accepted !== true) {
      const reason = outcome?.facts.at(-1)?.message ?? 'it is not there';
      throw new KnownError('LIST_NOT_ACCEPTED', { reason });
    }
    await io.stdout.write(summary(renewal, path, flags));
    return 0;
  } finally {
    await upstream.close();
  }
}

/** @throws KnownError USAGE */
export function mirrorOf({ from, offline }: Settings): URL {
  if (offline === true)
    throw new KnownError('USAGE', { problem: 'this command needs the network, and --offline forbids it' });
  if (from instanceof URL) return from;
  throw new KnownError('USAGE', { problem: 'name the mirror: --from https://MIRROR' });
}

/** What was taken, and what is different. */
function summary(renewal: Renewal, path: string, flags: TypedFlags): string {
  const { before, list, summary: approved, unchanged, firstContact, tables, manifests, policy } = renewal;
  const { added, moved, removed } = compareLists(before?.models ?? new Map(), list.models);
  const named = `list ${list.listId} version ${list.version}`;
  const missing =
    tables.missing === 0 ? '' : `; ${counted(tables.missing, 'table')} missing: whole digests are used there`;
  const lines = [
    ...(policy === undefined ? [] : [`trust policy version ${policy} taken`]),
    unchanged ? `${named} is here already, in ${printable(path)}` : `${named} taken, into ${printable(path)}`,
    `approved by ${approved.signers.map((name) => printable(name)).join(', ')}, until ${approved.expires.toISOString().slice(0, 10)}`,
    ...(unchanged
      ? []
      : [`${counted(added.length, 'model')} added, ${moved.length} changed, ${removed.length} removed`]),
    `${counted(tables.taken, 'chunk table')} and ${counted(manifests.taken, 'manifest')} taken${missing}`,
    ...(firstContact
      ? [`first contact: compare its digest with what the signers say: ${approved.digest}`]
      : []),
  ];
  const by =
    typeof flags.trust === 'string'
      ? ['--trust', flags.trust]
      : typeof flags.key === 'string'
        ? ['--key', flags.key]
        : [];
  return `${lines.join('\n')}\n${nextLine(['check', '--allow-list', path, ...by], flags)}`;
}
