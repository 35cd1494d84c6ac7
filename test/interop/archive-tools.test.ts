import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { MirrorCommands } from '../fixtures/mirror-command.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { addSampleModel, blobPath, sampleLayers, sha256 } from '../fixtures/sample-store.ts';
import { publishFrom } from '../fixtures/served-mirror.ts';
import { readSource } from '../house/sources.ts';
import { findTool, notInLayout, runTool } from './find-tool.ts';

/** A model, and how other tools call it in an archive. */
interface Travelling {
  readonly name: string;
  readonly reference: string;
  readonly digest: string;
  readonly files: readonly Buffer[];
}

const sources = [
  { name: 'registry.ollama.ai/library/tiny:latest', reference: 'tiny/latest' },
  { name: 'registry.ollama.ai/somebody/other:1b-Q4_K_M', reference: 'somebody/other/1b-Q4_K_M' },
];

describe('other tools copy models out of an archive', () => {
  let mirror: MirrorCommands;
  let models: readonly Travelling[];
  let at: (name: string) => string;
  before(async () => {
    mirror = await MirrorCommands.start();
    at = (name) => join(mirror.folder, name);
    const store = at('models');
    models = sources.map(({ name, reference }) => {
      const layers = [
        ...sampleLayers(`You are ${name}.`, name),
        { kind: 'projector', bytes: Buffer.from(patternedBytes(150_000)) },
      ];
      const { manifest } = addSampleModel(store, name, layers);
      publishFrom(mirror.library, store, name);
      const config = blobPath(store, /sha256:[0-9a-f]{64}/.exec(manifest)?.[0] ?? '');
      const files = [Buffer.from(manifest), readFileSync(config), ...layers.map(({ bytes }) => bytes)];
      return { name, reference, digest: sha256(Buffer.from(manifest)), files };
    });
    for (const words of [
      ['sync', ...models.map(({ name }) => name)],
      ['export', '--all', '-o', at('both.tar')],
      ['export', models[0]?.name ?? '', '-o', at('one.tar')],
    ]) {
      const { status, stderr } = await mirror.run(words);
      assert.equal(status, 0, stderr);
    }
    mkdirSync(at('unpacked'));
    execFileSync('tar', ['-xf', at('both.tar'), '-C', at('unpacked')]);
  });
  after(() => mirror[Symbol.asyncDispose]());

  let made = 0;
  /** A copy into another layout: every model of the archive, and every digest the same. */
  async function assertCopies(
    program: string,
    words: (model: Travelling, to: string) => readonly string[],
  ): Promise<void> {
    for (const model of models) {
      made += 1;
      const to = at(`copy-${made}`);
      const { ok, said } = await runTool(program, words(model, to), mirror.folder);
      assert.ok(ok, said);
      assert.deepEqual(notInLayout(to, model.files), [], said);
    }
  }

  const oras = findTool('oras');
  test('oras, from the tar itself, by reference and by digest', { skip: oras.skip }, async () => {
    const copy = (from: string, to: string) => [
      'cp',
      '--from-oci-layout',
      from,
      '--to-oci-layout',
      `${to}:x`,
    ];
    await assertCopies(oras.program, ({ reference }, to) => copy(`${at('both.tar')}:${reference}`, to));
    await assertCopies(oras.program, ({ digest }, to) => copy(`${at('both.tar')}@${digest}`, to));
    const { stdout } = await runTool(
      oras.program,
      ['repo', 'tags', '--oci-layout', at('both.tar')],
      mirror.folder,
    );
    assert.deepEqual(stdout.trim().split('\n').sort(), sources.map(({ reference }) => reference).sort());
  });

  const regctl = findTool('regctl');
  test('regctl, from the tar by reference, and unpacked by digest', { skip: regctl.skip }, async () => {
    await assertCopies(regctl.program, ({ reference }, to) => [
      'image',
      'import',
      `ocidir://${to}:x`,
      at('both.tar'),
      '--name',
      reference,
    ]);
    await assertCopies(regctl.program, ({ digest }, to) => [
      'image',
      'copy',
      `ocidir://${at('unpacked')}@${digest}`,
      `ocidir://${to}:x`,
    ]);
  });

  const crane = findTool('crane');
  test('crane, unpacked, into a registry (one of its own) and out of it', { skip: crane.skip }, async () => {
    const registry = spawn(crane.program, ['registry', 'serve', '--address', '127.0.0.1:0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      let port = '';
      for await (const line of createInterface({ input: registry.stderr })) {
        port = /serving on port (\d+)$/.exec(line)?.[1] ?? '';
        if (port !== '') break;
      }
      const all = `127.0.0.1:${port}/all`;
      const push = ['push', '--insecure', '--index', at('unpacked'), `${all}:x`];
      const { ok, said } = await runTool(crane.program, push, mirror.folder);
      assert.ok(ok, said);
      await assertCopies(crane.program, ({ digest }, to) => [
        'pull',
        '--insecure',
        '--format',
        'oci',
        `${all}@${digest}`,
        to,
      ]);
    } finally {
      registry.kill();
    }
  });

  const skopeo = findTool('skopeo');
  test('skopeo shows the manifest of an archive with one model, and copies no media types but its own', {
    skip:
      skopeo.skip ||
      (process.getuid?.() !== 0 && 'needs root: skopeo gives the files that it unpacks to their owner'),
  }, async () => {
    const [model] = models;
    const from = `oci-archive:${at('one.tar')}`;
    const shown = await runTool(skopeo.program, ['inspect', '--raw', from], mirror.folder);
    assert.equal(sha256(Buffer.from(shown.stdout)), model?.digest, shown.said);
    const to = at('by-skopeo');
    const copy = ['copy', '--insecure-policy', from, `oci:${to}:x`];
    const { ok, said } = await runTool(skopeo.program, copy, mirror.folder);
    if (ok) assert.deepEqual(notInLayout(to, model?.files ?? []), []);
    else assert.match(said, /unsupported docker v2s2 media type/);
  });

  test('tar and sha256sum put it together from its volumes, by the line that the page gives', async () => {
    mkdirSync(at('by-hand'));
    const words = ['export', '--all', '--split', '70kB', '-o', at('by-hand/models.tar')];
    const { status, stderr } = await mirror.run(words);
    assert.equal(status, 0, stderr);
    const [line = ''] = /^for volume in .*$/m.exec(readSource('docs/archives.md')) ?? [];
    const { ok, said } = await runTool('sh', ['-c', `cd by-hand && ${line}`], mirror.folder);
    assert.ok(ok, said);
    assert.ok(said.split('payload: OK').length > 3, said);
    assert.ok(readFileSync(at('by-hand/models.tar')).equals(readFileSync(at('both.tar'))));
  });
});
