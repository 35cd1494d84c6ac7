import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { PublishedModel } from '../fixtures/mirror-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { sha256 } from '../fixtures/sample-store.ts';

/** A program of this name: its variable, else on PATH, else where Go installs. */
function find(name: string): { readonly program: string; readonly skip: false | string } {
  const named = process.env[`${name.toUpperCase()}_BIN`];
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(homedir(), 'go', 'bin')];
  const program = (named === undefined ? folders.map((folder) => join(folder, name)) : [named]).find(
    (path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    },
  );
  const skip = program === undefined ? `needs ${name} (${name.toUpperCase()}_BIN, or on PATH)` : false;
  return { program: program ?? '', skip };
}

interface Run {
  readonly ok: boolean;
  readonly said: string;
}

describe('other tools copy a model out of the mirror', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  let site: RegistrySite;
  let model: PublishedModel;
  before(async () => {
    site = await RegistrySite.start((mirror) => {
      model = mirror.publish('library/tiny', 'latest', {
        model: Buffer.from(patternedBytes(2_000_000)),
        template: Buffer.from('{{ .Prompt }}'),
      });
    });
  });
  after(async () => {
    await site[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (program: string, words: readonly string[]): Promise<Run> =>
    new Promise((resolve) => {
      const env = { PATH: process.env.PATH, HOME: folder };
      execFile(program, words, { env, cwd: folder, timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ ok: error === null, said: `${stdout}${stderr}` }),
      );
    });
  /** Every file of the layout that the model names is there, with the bytes of its name. */
  function layoutHolds(path: string): void {
    for (const bytes of [model.manifest, ...model.blobs]) {
      const file = join(path, 'blobs', 'sha256', sha256(bytes).slice(7));
      assert.ok(existsSync(file), file);
      assert.equal(sha256(readFileSync(file)), sha256(bytes));
    }
  }
  const name = () => `${site.host}/library/tiny:latest`;

  for (const [tool, words] of [
    ['oras', (to: string) => ['cp', '--from-plain-http', name(), '--to-oci-layout', `${to}:latest`]],
    ['crane', (to: string) => ['pull', '--insecure', '--format', 'oci', name(), to]],
    [
      'regctl',
      (to: string) => [
        'image',
        'copy',
        '--host',
        `reg=${site.host},tls=disabled`,
        name(),
        `ocidir://${to}:latest`,
      ],
    ],
  ] as const) {
    const { program, skip } = find(tool);
    test(`${tool} copies it to a layout, every digest matching`, { skip }, async () => {
      const to = join(folder, tool);
      const { ok, said } = await run(program, words(to));
      assert.ok(ok, said);
      layoutHolds(to);
    });
  }

  const skopeo = find('skopeo');
  test('skopeo copies it, or refuses the media types itself, as 1.9.3 does', {
    skip: skopeo.skip,
  }, async () => {
    const version = spawnSync(skopeo.program, ['--version'], { encoding: 'utf8' }).stdout.trim();
    const to = join(folder, 'skopeo');
    const words = [
      'copy',
      '--insecure-policy',
      '--src-tls-verify=false',
      `docker://${name()}`,
      `oci:${to}:latest`,
    ];
    const { ok, said } = await run(skopeo.program, words);
    if (ok) layoutHolds(to);
    else assert.match(said, /unsupported|unknown|media type|MIME/i, `${version}: ${said}`);
    assert.ok(site.records.some(({ kind, status }) => kind === 'manifest' && status === 200));
  });
});
