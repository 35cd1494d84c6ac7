import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addTemplate } from './add-template.ts';
import { makeModel } from './bench-model.ts';
import type { Conditions } from './measurements.ts';
import { fillMirror } from './mirror-servers.ts';
import type { MirrorRow } from './mirror-table.ts';
import { median } from './rounds.ts';
import { measure, type Program, peakMemory } from './run-program.ts';

const program = fileURLToPath(new URL('../../dist/model-mirror.cjs', import.meta.url));

/** The rows of archives: what they write and read, beside `tar` with `sha256sum` on the same disk. */
export async function measureArchives(conditions: Conditions): Promise<MirrorRow[]> {
  const folder = join(conditions.folder, 'archives');
  mkdirSync(folder);
  try {
    conditions.tell('making a model to carry');
    const size = conditions.bytes * 2;
    const model = makeModel(folder, size);
    const data = join(folder, 'data');
    await fillMirror(data, model);
    const site = { folder, data, blob: model.blobFile, size };
    conditions.tell('writing archives');
    const written = await measureExport(site, conditions);
    conditions.tell('reading archives');
    const read = await measureImport(site, conditions);
    return [...written, ...read, await measureDelta(site)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Site {
  readonly folder: string;
  readonly data: string;
  /** The same bytes as one file, for the peer. */
  readonly blob: string;
  readonly size: number;
}

const ours = (words: readonly string[]): Program => ({
  name: 'ours',
  command: process.execPath,
  args: [program, ...words, '--progress', 'none'],
});

const exportTo = ({ data }: Site, path: string): Program =>
  ours(['export', 'tiny', '-o', path, '--data', data]);

const importInto = (path: string, data: string): Program =>
  ours(['import', path, '--data', data, '--policy', 'observe']);

/** Both wait until the disk has everything: an archive on a medium that is taken out must be there. */
async function measureExport(site: Site, { rounds, signal }: Conditions): Promise<MirrorRow[]> {
  const [own, others] = [join(site.folder, 'ours.tar'), join(site.folder, 'theirs.tar')];
  const script = 'tar -cf - -C "$1" "$2" | tee "$3" | sha256sum && sync "$3"';
  const peer = shell('tar', script, site.folder, 'blob', others);
  const clean = () => {
    for (const file of [own, others, `${own}.partial`]) rmSync(file, { force: true });
  };
  const seconds = await inTurn([exportTo(site, own), peer], { rounds, signal }, clean);
  const memory = await peakMemory(exportTo(site, own));
  return [
    rate('export of one model', 'tar, tee, sha256sum, sync', site, seconds),
    memoryRow('export', site, memory),
  ];
}

async function measureImport(site: Site, { rounds, signal }: Conditions): Promise<MirrorRow[]> {
  const [own, others] = [join(site.folder, 'ours.tar'), join(site.folder, 'theirs')];
  const data = join(site.folder, 'imported');
  const script =
    'mkdir "$2" && tee >(sha256sum >/dev/null) < "$1" | tar -xf - -C "$2" && sync "$2"/blobs/sha256/*';
  const peer = { ...shell('tar', script, own, others), command: 'bash' };
  const clean = () => {
    for (const place of [data, others]) rmSync(place, { recursive: true, force: true });
  };
  const seconds = await inTurn([importInto(own, data), peer], { rounds, signal }, clean);
  const memory = await peakMemory(importInto(own, data));
  clean();
  return [
    rate('import of one model', 'tee, sha256sum, tar -x, sync', site, seconds),
    memoryRow('import', site, memory),
  ];
}

const shell = (name: string, script: string, ...words: string[]): Program => ({
  ...{ name, command: 'sh', args: ['-c', script, 'sh', ...words] },
});

/** Median seconds of each, run in turn. */
async function inTurn(
  programs: readonly Program[],
  { rounds, signal }: Pick<Conditions, 'rounds' | 'signal'>,
  clean: () => void,
): Promise<readonly number[]> {
  const seconds = programs.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, one] of programs.entries()) {
      signal.throwIfAborted();
      clean();
      seconds[at]?.push((await measure(one)).seconds);
    }
  }
  clean();
  return seconds.map(median);
}

function rate(
  what: string,
  peer: string,
  { size }: Site,
  [own = Number.NaN, theirs = Number.NaN]: readonly number[],
): MirrorRow {
  const gib = size / 2 ** 30;
  return {
    ...{ what: `${what}, ${gib.toFixed(2)} GiB`, unit: 'GiB/s', ours: gib / own },
    peers: { [peer]: gib / theirs },
    target: '1.00 x or more',
    met: own <= theirs,
  };
}

const memoryRow = (what: string, { size }: Site, memory: number | undefined): MirrorRow => ({
  ...{ what: `most resident memory of that ${what}, ${(size / 2 ** 30).toFixed(2)} GiB`, unit: 'MiB' },
  ...{ ours: memory, peers: {}, target: 'the same whatever the size', met: undefined },
});

/** An archive of what changed when only a template did; the one that was read last is what the other side has. */
async function measureDelta(site: Site): Promise<MirrorRow> {
  const [base, delta] = [join(site.folder, 'ours.tar'), join(site.folder, 'delta.tar')];
  await addTemplate(site.data);
  await measure(ours(['export', 'tiny', '-o', delta, '--data', site.data, '--since', base]));
  const mebibytes = statSync(delta).size / 2 ** 20;
  return {
    ...{ what: 'archive of one changed template (--since)', unit: 'MiB', ours: mebibytes, peers: {} },
    ...{ target: 'below 1 MiB', met: mebibytes < 1 },
  };
}
