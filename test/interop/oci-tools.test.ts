import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { PublishedModel } from '../fixtures/mirror-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { findTool, notInLayout, runTool } from './find-tool.ts';

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

  const run = (program: string, words: readonly string[]) => runTool(program, words, folder);
  const assertWhole = (layout: string) =>
    assert.deepEqual(notInLayout(layout, [model.manifest, ...model.blobs]), []);
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
    const { program, skip } = findTool(tool);
    test(`${tool} copies it to a layout, every digest matching`, { skip }, async () => {
      const to = join(folder, tool);
      const { ok, said } = await run(program, words(to));
      assert.ok(ok, said);
      assertWhole(to);
    });
  }

  const skopeo = findTool('skopeo');
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
    if (ok) assertWhole(to);
    else assert.match(said, /unsupported|unknown|media type|MIME/i, `${version}: ${said}`);
    assert.ok(site.records.some(({ kind, status }) => kind === 'manifest' && status === 200));
  });
});
