import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { ApprovingSite } from '../../fixtures/approving-site.ts';
import { makeGguf } from '../../fixtures/gguf.ts';
import {
  addSampleModel,
  type SampleModel,
  sampleLayers,
  writeManifest,
} from '../../fixtures/sample-store.ts';

const name = 'registry.ollama.ai/library/sample:latest';

const schema = JSON.parse(
  readFileSync(new URL('../../../manifests/schema/diff.v1.json', import.meta.url), 'utf8'),
) as { $id: string };
const validate = new Ajv({ allErrors: true, strict: true }).compile(schema);

describe('the screen on which an update is approved', () => {
  let site: ApprovingSite;
  let old: SampleModel;
  beforeEach(async () => {
    site = new ApprovingSite();
    old = addSampleModel(site.store);
    await site.allow('--all');
  });
  afterEach(() => site[Symbol.dispose]());

  /** The screen without its first line and the next command; digests and sizes become D and S. */
  const screen = async (...lists: string[]): Promise<string> => {
    const shown = await site.done('diff', site.list, ...lists, '--store', site.store);
    return shown
      .replace(/^list .*\n/, '')
      .replace(/\n*next: .*\n$/, '\n')
      .replace(/\b[0-9a-f]{12}\b/g, 'D')
      .replace(/\b\d[\d.]* (B|[kM]B|bytes?)/g, 'S');
  };
  const replace = (kind: string, bytes: string | Buffer) =>
    addSampleModel(
      site.store,
      name,
      sampleLayers().map((layer) => (layer.kind === kind ? { kind, bytes: Buffer.from(bytes) } : layer)),
    );
  const changed = (body: string) =>
    `changed  sample:latest   manifest D -> D\n${body}0 added, 0 not in the store, 1 changed, 0 unchanged\n`;

  test('nothing changed', async () => {
    assert.equal(await screen(), '0 added, 0 not in the store, 0 changed, 1 unchanged\n');
  });

  for (const [kind, word] of [
    ['template', 'template'],
    ['system', 'system'],
    ['params', 'params'],
    ['license', 'license'],
  ] as const)
    test(`one line of the ${kind} changed is shown as it was and as it is`, async () => {
      const before =
        sampleLayers()
          .find((layer) => layer.kind === kind)
          ?.bytes.toString() ?? '';
      replace(kind, `${before}more\n`);
      assert.equal(
        await screen(),
        changed(`  ${word.padEnd(9)} D (S) -> D (S)\n    @@ -1,1 +1,2 @@\n     ${before}    +more\n`),
      );
    });

  test('a chat template inside the weights changed', async () => {
    const make = (template: string) => makeGguf({ metadata: [['tokenizer.chat_template', template]] });
    replace('model', make('a\nb\n'));
    await site.allow('--all');
    replace('model', make('a\nc\n'));
    assert.equal(
      await screen(),
      changed(
        '  weights   D (S) -> D (S)\n    tokenizer.chat_template:\n      @@ -1,2 +1,2 @@\n       a\n      -b\n      +c\n',
      ),
    );
  });

  test('weights with the same metadata are not said to be the same in more than was read', async () => {
    const bytes = Buffer.from(makeGguf());
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    replace('model', bytes);
    assert.equal(
      await screen(),
      changed(
        '  weights   D (S) -> D (S)\n    its metadata, GGUF version and count of tensors are the same; other bytes differ\n',
      ),
    );
  });

  test('a layer that is gone with its blob is not said to read alike', async () => {
    addSampleModel(
      site.store,
      name,
      sampleLayers().filter(({ kind }) => kind !== 'system'),
    );
    rmSync(old.blob('system'));
    assert.equal(
      await screen(),
      changed('  system    D (S) -> none\n    nothing to read: it is not in this store\n'),
    );
  });

  test('only the order of the layers changed', async () => {
    addSampleModel(site.store, name, sampleLayers().toReversed());
    assert.equal(await screen(), changed('  the same layers, in another order\n'));
  });

  test('only the manifest was written again', async () => {
    writeManifest(site.store, name, JSON.stringify(JSON.parse(old.manifest), null, 1));
    assert.equal(
      await screen(),
      changed('  the manifest was written again; config and layers are the same\n'),
    );
  });

  test('a model whose name could be taken for a listed one is added with a warning', async () => {
    addSampleModel(site.store, 'registry.ollama.ai/library/samp1e:latest');
    assert.equal(
      await screen(),
      'added    samp1e:latest   S   warning: could be taken for sample:latest\n1 added, 0 not in the store, 0 changed, 1 unchanged\n',
    );
  });

  test('a listed model that is not in the store, and one that a list leaves out', async () => {
    addSampleModel(site.store, 'registry.ollama.ai/library/other:latest');
    const longer = site.path('longer.json');
    copyFileSync(site.list, longer);
    await site.done('allow', '--all', '--store', site.store, '--allow-list', longer);
    assert.equal(
      await screen(longer),
      'added    other:latest   S\n1 added, 0 removed, 0 changed, 1 unchanged\n',
    );
    copyFileSync(site.list, site.path('short.json'));
    copyFileSync(longer, site.list);
    assert.equal(
      await screen(site.path('short.json')),
      'removed  other:latest   S\n0 added, 1 removed, 0 changed, 1 unchanged\n',
    );
    rmSync(`${site.store}/manifests/registry.ollama.ai/library/other`, { recursive: true });
    assert.equal(
      await screen(),
      'absent   other:latest   S\n0 added, 1 not in the store, 0 changed, 1 unchanged\n',
    );
  });

  test('--json has the same for programs', async () => {
    const now = replace('system', 'Other.\n');
    const json = JSON.parse(await site.done('diff', site.list, '--store', site.store, '--json')) as {
      schema: string;
      changed: { layers: object[] }[];
    };
    assert.ok(validate(json), JSON.stringify(validate.errors));
    assert.ok(!validate({ ...json, more: 1 }));
    assert.equal(json.schema, schema.$id);
    assert.equal(json.schema, 'urn:verify-models:diff:v1');
    assert.deepEqual(json.changed[0]?.layers, [
      {
        layer: 'system',
        before: { digest: old.digest('system'), size: readFileSync(old.blob('system')).length },
        after: { digest: now.digest('system'), size: 7 },
        text: [
          { kind: 'removed', text: 'You are a careful assistant. Answer briefly.', before: 1 },
          { kind: 'added', text: 'Other.', after: 1 },
        ],
      },
    ]);
  });

  test('--json of weights, of an added model and of a text too large to compare is as the schema says', async () => {
    const key = 'tokenizer.chat_template';
    addSampleModel(site.store, 'registry.ollama.ai/library/other:latest');
    const layers = sampleLayers().map((layer) => {
      if (layer.kind === 'model')
        return { ...layer, bytes: Buffer.from(makeGguf({ metadata: [[key, 'x']] })) };
      return layer.kind === 'system' ? { ...layer, bytes: Buffer.from('a\n'.repeat(6_000)) } : layer;
    });
    addSampleModel(site.store, name, layers);
    const json = JSON.parse(await site.done('diff', site.list, '--store', site.store, '--json')) as {
      changed: { layers: { metadata?: object[]; text?: { kind: string }[] }[] }[];
    };
    assert.ok(validate(json), JSON.stringify(validate.errors));
    const [weights, system] = json.changed[0]?.layers ?? [];
    assert.deepEqual(weights?.metadata, [{ key, after: 'x' }]);
    assert.deepEqual(
      system?.text?.map(({ kind }) => kind),
      ['summary'],
    );
  });

  test('a file that is no list and a format that diff does not know are refused', async () => {
    assert.equal((await site.type('diff', old.manifestPath, '--store', site.store)).status, 1);
    assert.equal((await site.type('diff', site.list, '--store', site.store, '--format', 'sarif')).status, 64);
  });
});
