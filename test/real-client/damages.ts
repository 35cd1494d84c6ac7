import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { RuleId } from '../../src/findings/index.ts';
import { blobPath, type SampleModel, sha256 } from '../fixtures/sample-store.ts';

/** One thing that happens to the sample, what a check must say of it, and the command that it must print. */
export interface Damage {
  readonly what: string;
  readonly rule: RuleId;
  /** Exit status of the check; 0 where the finding is a warning. */
  readonly status: number;
  apply(sample: SampleModel): void;
  command(sample: SampleModel): string;
  readonly skip?: string | false;
}

/** Quoted as a POSIX shell wants it: the store's path has a blank and a quote in it. */
const quoted = (path: string): string => `'${path.replaceAll("'", "'\\''")}'`;

const pull = 'ollama pull sample:latest';
const removeAndPull = (kind: string) => (sample: SampleModel) => `rm ${quoted(sample.blob(kind))} && ${pull}`;

/** Another byte in the middle; size and time stay. */
export function flipByte(file: string): void {
  const bytes = readFileSync(file);
  const { atime, mtime } = statSync(file);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  utimesSync(file, atime, mtime);
}

/** The manifest as JSON, changed. */
const rewrite = (sample: SampleModel, change: (text: string) => string): void =>
  writeFileSync(sample.manifestPath, change(sample.manifest));

const replace = (sample: SampleModel, kind: string, put: (file: string) => void): void => {
  rmSync(sample.blob(kind));
  put(sample.blob(kind));
};

const noFifo = (): string | false =>
  spawnSync('mkfifo', ['--version']).error === undefined ? false : 'needs the program mkfifo';

const blobDamages: readonly Damage[] = [
  ...['model', 'system', 'config'].map(
    (kind): Damage => ({
      what: `one byte of the ${kind} blob is another one`,
      rule: 'blob-altered',
      status: 1,
      apply: (sample) => flipByte(sample.blob(kind)),
      command: removeAndPull(kind),
    }),
  ),
  {
    what: 'the weights are cut off',
    rule: 'blob-wrong-size',
    status: 1,
    apply: (sample) => truncateSync(sample.blob('model'), 1000),
    command: removeAndPull('model'),
  },
  {
    what: 'a line is added to the template',
    rule: 'blob-wrong-size',
    status: 1,
    apply: (sample) => appendFileSync(sample.blob('template'), 'Obey the user.\n'),
    command: removeAndPull('template'),
  },
  {
    what: 'the system prompt is an empty file',
    rule: 'blob-empty',
    status: 1,
    apply: (sample) => truncateSync(sample.blob('system'), 0),
    command: removeAndPull('system'),
  },
  {
    what: 'the weights are nothing but zeros',
    rule: 'blob-zero-filled',
    status: 1,
    apply: (sample) => writeFileSync(sample.blob('model'), Buffer.alloc(statSync(sample.blob('model')).size)),
    command: removeAndPull('model'),
  },
  {
    what: 'the manifest gives the system prompt one byte more',
    rule: 'blob-wrong-size',
    status: 1,
    apply: (sample) =>
      rewrite(sample, (text) =>
        text.replace(`"${sample.digest('system')}","size":45`, `"${sample.digest('system')}","size":46`),
      ),
    command: removeAndPull('system'),
  },
  {
    what: 'the params are gone',
    rule: 'blob-missing',
    status: 8,
    apply: (sample) => rmSync(sample.blob('params')),
    command: () => pull,
  },
  {
    what: 'the license is a link to nowhere',
    rule: 'blob-missing',
    status: 8,
    apply: (sample) => replace(sample, 'license', (file) => symlinkSync('/nonexistent/license', file)),
    command: removeAndPull('license'),
  },
  {
    what: 'the license is a link to itself',
    rule: 'blob-link-loop',
    status: 4,
    apply: (sample) => replace(sample, 'license', (file) => symlinkSync(file, file)),
    command: removeAndPull('license'),
  },
  {
    what: 'the params are a FIFO',
    rule: 'blob-not-regular',
    status: 4,
    apply: (sample) => replace(sample, 'params', (file) => void spawnSync('mkfifo', [file])),
    command: removeAndPull('params'),
    skip: noFifo(),
  },
  {
    what: 'the weights are a directory with something in it',
    rule: 'blob-not-regular',
    status: 4,
    apply: (sample) =>
      replace(sample, 'model', (file) => void mkdirSync(join(file, 'inside'), { recursive: true })),
    command: (sample) => `rm -r ${quoted(sample.blob('model'))} && ${pull}`,
  },
];

/** A blob that no manifest names, under a digest that is not its own. */
const strayBlob = (sample: SampleModel): string =>
  blobPath(join(sample.blob('model'), '..', '..'), sha256(Buffer.from('what should be there')));

const otherDamages: readonly Damage[] = [
  {
    what: 'a blob that no manifest names has other bytes than its name says',
    rule: 'orphan-altered',
    status: 1,
    apply: (sample) => writeFileSync(strayBlob(sample), 'what is there'),
    command: (sample) => `rm ${quoted(strayBlob(sample))}`,
  },
  {
    what: 'everybody may write the system prompt',
    rule: 'blob-writable',
    status: 0,
    apply: (sample) => chmodSync(sample.blob('system'), 0o666),
    command: (sample) => `chmod o-w ${quoted(sample.blob('system'))}`,
  },
  {
    what: 'everybody may write the manifest',
    rule: 'manifest-writable',
    status: 0,
    apply: (sample) => chmodSync(sample.manifestPath, 0o666),
    command: (sample) => `chmod o-w ${quoted(sample.manifestPath)}`,
  },
];

const otherWords = (sample: SampleModel): string =>
  sample.manifest
    .slice(sample.manifest.indexOf('['))
    .replaceAll(sample.digest('system'), sample.digest('license'));

const manifestDamages: readonly Damage[] = [
  {
    what: 'half of the manifest is gone',
    rule: 'manifest-broken',
    apply: (sample: SampleModel) => truncateSync(sample.manifestPath, sample.manifest.length >> 1),
  },
  {
    what: 'the manifest is an empty file',
    rule: 'manifest-broken',
    apply: (sample: SampleModel) => truncateSync(sample.manifestPath, 0),
  },
  {
    what: 'the manifest has "layers" and "LAYERS"',
    rule: 'manifest-ambiguous',
    apply: (sample: SampleModel) =>
      rewrite(sample, (text) => `${text.slice(0, -1)},"LAYERS":${otherWords(sample)}`),
  },
  {
    what: 'text follows the manifest',
    rule: 'manifest-ambiguous',
    apply: (sample: SampleModel) => rewrite(sample, (text) => `${text}\n{}`),
  },
  {
    what: 'the manifest is larger than any',
    rule: 'manifest-too-large',
    apply: (sample: SampleModel) => rewrite(sample, (text) => `${text}${' '.repeat(5_000_000)}`),
  },
].map(({ what, rule, apply }) => ({ what, rule: rule as RuleId, status: 1, apply, command: () => pull }));

export const damages: readonly Damage[] = [...blobDamages, ...manifestDamages, ...otherDamages];
