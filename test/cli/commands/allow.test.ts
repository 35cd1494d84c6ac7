import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseAllowList } from '../../../src/allow-list/index.ts';
import { flipBit } from '../../fixtures/damage.ts';
import { type SampleModel, sampleLayers } from '../../fixtures/sample-store.ts';
import { SignedSite } from '../../fixtures/signed-site.ts';

let site: SignedSite;
let sample: SampleModel;
beforeEach(() => {
  site = new SignedSite();
  sample = site.scratch.addModel();
});
afterEach(() => site.remove());

const allow = (...words: readonly string[]) =>
  site.run('allow', '--store', site.store, '--allow-list', site.list, ...words);
const list = () => parseAllowList(readFileSync(site.list));
const names = () => [...list().models.keys()].map((name) => name.replace('registry.ollama.ai/library/', ''));
const add = (name: string) =>
  site.scratch.addModel(`registry.ollama.ai/library/${name}`, sampleLayers(`${name}\n`, name));

/** That these words are wrong usage, said in this sentence, and that no list was made. */
async function refused(words: readonly string[], problem: string | RegExp): Promise<void> {
  const { status, stdout, stderr } = await allow(...words);
  assert.deepEqual([status, stdout], [64, '']);
  const said = /^verify-models: (.*) \(USAGE\)$/.exec(stderr.split('\n')[0] ?? '')?.[1] ?? stderr;
  if (typeof problem === 'string') assert.equal(said, problem);
  else assert.match(said, problem);
}

describe('allow', () => {
  test('lists what was named, in any order, and says what to type next', async () => {
    add('zebra:1b');
    add('ant:2b');
    const { status, stdout } = await allow('zebra:1b', 'ant:2b');
    assert.equal(status, 0);
    assert.deepEqual(names(), ['ant:2b', 'zebra:1b']);
    assert.equal(
      stdout,
      [
        'added    ant:2b',
        'added    zebra:1b',
        `list models version 1: 2 models, in ${site.list}`,
        `next: verify-models sign ${site.list} --key KEY --store ${site.store}`,
        '',
      ].join('\n'),
    );
  });

  test('lists every model with --all, and keeps those that are not in the store any more', async () => {
    await allow('--all');
    rmSync(sample.manifestPath);
    add('second:latest');
    const { stdout } = await allow('--all');
    assert.deepEqual(names(), ['sample:latest', 'second:latest']);
    assert.match(stdout, /^added {4}second:latest\n/);
  });

  test('changes neither the file nor its version when there is nothing new', async () => {
    await allow('--all');
    const before = readFileSync(site.list);
    const { status, stdout } = await allow('--all');
    assert.equal(status, 0);
    assert.deepEqual(readFileSync(site.list), before);
    assert.match(stdout, /\nlist models version 1 says so already, in /);
  });

  test('takes models off, in the same run too', async () => {
    add('second:latest');
    await allow('--all');
    assert.equal((await allow('--remove', 'second')).status, 0);
    assert.deepEqual([names(), list().version], [['sample:latest'], 2]);
    await allow('second', '--remove', 'sample');
    assert.deepEqual([names(), list().version], [['second:latest'], 3]);
  });

  test('writes a note and a source, which stay', async () => {
    await allow('sample', '--note', 'for the help desk', '--source', 'the library');
    add('second:latest');
    await allow('--all');
    const models = [...list().models.values()];
    assert.deepEqual(
      models.map(({ note, source }) => [note, source]),
      [
        ['for the help desk', 'the library'],
        [undefined, undefined],
      ],
    );
  });

  test('points out a name that could be taken for a listed one', async () => {
    await allow('--all');
    add('samp1e:latest');
    const { status, stdout } = await allow('--all');
    assert.equal(status, 0);
    assert.match(stdout, /\nwarning: samp1e:latest could be taken for sample:latest\n/);
  });

  test('puts the exact manifest beside the list', async () => {
    await allow('--all');
    const [model] = list().models.values();
    const beside = join(site.beside('manifests'), model?.manifest.digest.slice('sha256:'.length) ?? '');
    assert.deepEqual(readFileSync(beside), readFileSync(sample.manifestPath));
  });

  test('keeps a list that is a link a link', async () => {
    const real = site.beside('real.json');
    await site.must('allow', '--all', '--store', site.store, '--allow-list', real);
    symlinkSync(real, site.list);
    add('second:latest');
    assert.equal((await allow('--all')).status, 0);
    assert.deepEqual(readFileSync(real), readFileSync(site.list));
    assert.equal(list().models.size, 2);
  });
});

describe('nothing is listed from a store that is not sound', () => {
  const damages: readonly (readonly [string, () => void, string])[] = [
    [
      'an altered blob',
      () => flipBit(sample.blob('system'), 3, 1),
      'the system layer of sample:latest is altered',
    ],
    ['a missing blob', () => rmSync(sample.blob('params')), 'the params layer of sample:latest is missing'],
    [
      'an ambiguous manifest',
      () => writeFileSync(sample.manifestPath, '{"layers":[],"LAYERS":[]}'),
      'the manifest of sample:latest is ambiguous and refused',
    ],
  ];
  for (const [what, damage, words] of damages)
    test(what, async () => {
      damage();
      const { status, stdout, stderr } = await allow('--all');
      assert.deepEqual([status, stdout, existsSync(site.list)], [1, '', false]);
      assert.ok(stderr.startsWith(`verify-models: nothing is listed: ${words}`), stderr);
      assert.match(stderr, /\(STORE_NOT_SOUND\)\nnext: verify-models/);
    });

  test('and an older list stays as it is', async () => {
    await allow('--all');
    const before = readFileSync(site.list);
    flipBit(sample.blob('system'), 3, 1);
    add('second:latest');
    assert.equal((await allow('--all')).status, 1);
    assert.deepEqual(readFileSync(site.list), before);
  });
});

describe('wrong usage', () => {
  test('nothing named', () => refused([], 'name models, give --all, or --remove MODEL'));
  test('both named and all', () => refused(['sample', '--all'], 'name models, or give --all, not both'));
  test('a model that is not there, with the nearest name', async () => {
    const { status, stderr } = await allow('sampel');
    assert.equal(status, 64);
    assert.match(stderr, /sampel.*\n?.*sample/s);
    assert.equal(existsSync(site.list), false);
  });
  test('a removal of what is not listed', async () => {
    await allow('--all');
    await refused(['--remove', 'other'], 'other is not on the list');
  });
  test('a note without a model', () =>
    refused(['--remove', 'x', '--note', 'y'], '--note is for models that are named, or for --all'));
  test('a note that nobody would see as it is', () =>
    refused(
      ['--all', '--note', 'a\u202eb'],
      '--note takes at most 1000 characters on one line, all of them visible',
    ));
  test('an id that is none', () =>
    refused(['--all', '--list-id', 'a b'], /^--list-id a b: a list id has letters, digits/));
  test('another id than that of the list', async () => {
    await allow('--all');
    await refused(
      ['--all', '--list-id', 'other'],
      'the list is called models, and a list keeps its id for ever',
    );
  });
  test('an empty store', async () => {
    const empty = site.beside('empty');
    mkdirSync(join(empty, 'manifests'), { recursive: true });
    await refused(['--all', '--store', empty], `there is no model in ${empty}, so there is nothing to list`);
  });
  test('a list inside the store, where Ollama would delete it', async () => {
    const inside = join(site.store, 'blobs', 'allow-list.json');
    await refused(
      ['--all', '--allow-list', inside],
      /would lie inside the store, where Ollama deletes what is not its own$/,
    );
    assert.equal(existsSync(inside), false);
  });
  test('a list that is none is not replaced', async () => {
    writeFileSync(site.list, '{"precious": true}');
    const { status, stderr } = await allow('--all');
    assert.notEqual(status, 0);
    assert.match(stderr, /\(LIST_MALFORMED\)/);
    assert.equal(readFileSync(site.list, 'utf8'), '{"precious": true}');
  });
});
