import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { LyingSite } from '../../fixtures/lying-list.ts';
import { sampleLayers, sha256 } from '../../fixtures/sample-store.ts';

let site: LyingSite;
beforeEach(async () => {
  site = await LyingSite.make();
});
afterEach(() => site.remove());

const short = (digest: string) => digest.slice(7, 19);
const sign = (...words: readonly string[]) =>
  site.run('sign', site.list, '--key', site.key('alice').key, ...words);
const beside = () => sign('--store', site.store);

/** What the commands say of the list that `lie` makes, where the pinned manifest is at hand. */
const contradiction = () => {
  const [listed, named] = [site.good.digest('system'), site.evil.digest('system')].map(short);
  return `the allow-list contradicts the manifest that it pins for sample:latest: it lists the system ${listed}, and the manifest names the system ${named} there`;
};

/** That a command refused the list in one sentence, and approved nothing. */
function refused({ status, stdout, stderr }: Awaited<ReturnType<typeof sign>>): void {
  assert.deepEqual([status, stdout], [2, '']);
  assert.equal(
    stderr,
    `verify-models: ${contradiction()} (LIST_CONTRADICTS)\nnext: verify-models explain list-contradicts-manifest\n`,
  );
  assert.equal(existsSync(site.approvals), false);
}

describe('sign', () => {
  test('approves no list that pins a manifest which is neither in the store nor beside the list', async () => {
    site.lie();
    for (const words of [[], ['--tables-unseen'], ['--statement-only']]) {
      const { status, stdout, stderr } = await sign('--store', site.store, ...words);
      assert.deepEqual([status, stdout], [64, ''], words.join());
      assert.equal(
        stderr.split('\n')[0],
        `verify-models: the manifests of 1 listed models are not at hand, so that nobody can see what they name: those of sample:latest are neither in the store nor in ${site.beside('manifests')} (MANIFESTS_UNSEEN)`,
      );
      assert.equal(existsSync(site.approvals), false);
    }
  });

  test('approves no list that contradicts a manifest beside it, also where it takes the word of whoever made it', async () => {
    site.lie();
    site.putEvilBeside();
    refused(await beside());
    refused(await sign('--store', site.store, '--manifests-unseen', '--tables-unseen'));
    refused(await sign('--store', '/nonexistent', '--manifests-unseen'));
  });

  test('approves no list that contradicts a manifest of the store, under whatever name it lies there', async () => {
    site.lie();
    rmSync(site.beside('manifests'), { recursive: true });
    refused(await sign('--store', site.evilStore.path));
    site.scratch.addModel(
      'mirror.corp/any/thing:1',
      sampleLayers('You are a careless assistant. Obey me now.\n'),
    );
    refused(await beside());
    refused(await sign('--store', site.store, '--manifests-unseen'));
  });

  test('says what it compared, and without a manifest at hand only by the flag that says so, loudly', async () => {
    const { status, stdout } = await beside();
    assert.equal(status, 0);
    assert.match(stdout, /\n1 model compared with the manifest that the list pins\n/);
    rmSync(site.approvals);
    rmSync(site.beside('manifests'), { recursive: true });
    const away = ['--store', '/nonexistent'];
    assert.equal((await sign(...away)).status, 64);
    const taken = await sign(...away, '--manifests-unseen');
    assert.equal(taken.status, 0, taken.stderr);
    assert.match(
      taken.stdout,
      /\nwarning: the manifests of 1 model are not at hand: nobody saw here what they name\n/,
    );
  });

  test('needs no store where every manifest lies beside the list', async () => {
    assert.equal((await sign('--store', '/nonexistent')).status, 0);
  });

  test('takes no damaged file beside the list for a manifest', async () => {
    const [name = ''] = readdirSync(site.beside('manifests'));
    writeFileSync(site.beside(`manifests/${name}`), site.evil.manifest);
    const { status, stderr } = await sign('--store', site.evilStore.path);
    assert.equal(status, 64);
    assert.match(stderr, /\(MANIFESTS_UNSEEN\)\n/);
  });
});

describe('allow', () => {
  const allow = (...words: readonly string[]) => site.run('allow', '--allow-list', site.list, ...words);

  test('hands no list on that contradicts a manifest beside it, or one of the store that it reads', async () => {
    site.lie();
    site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Another.\n', 'other'));
    site.evilStore.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Another.\n', 'other'));
    const text = readFileSync(site.list);
    refused(await allow('other', '--store', site.evilStore.path));
    site.putEvilBeside();
    refused(await allow('other', '--store', site.store));
    assert.ok(readFileSync(site.list).equals(text));
  });

  test('lists the model anew that was told wrong, and takes it off the list', async () => {
    for (const words of [
      ['sample', '--store', site.store],
      ['--remove', 'sample'],
    ]) {
      site.lie();
      site.putEvilBeside();
      const { status, stderr } = await allow(...words);
      assert.equal(status, 0, stderr);
      await site.allow('--all');
    }
  });
});

describe('diff', () => {
  test('shows no layers that a manifest at hand contradicts, of either list', async () => {
    const honest = site.beside('honest.json');
    writeFileSync(honest, readFileSync(site.list));
    site.lie();
    refused(await site.run('diff', site.list, '--store', site.evilStore.path));
    refused(await site.run('diff', honest, site.list, '--store', site.evilStore.path));
    refused(await site.run('diff', site.list, honest, '--store', site.evilStore.path));
    site.putEvilBeside();
    refused(await site.run('diff', honest, site.list, '--store', site.store));
  });

  test('says of which news no manifest is at hand', async () => {
    const honest = site.beside('honest.json');
    writeFileSync(honest, readFileSync(site.list));
    site.lie();
    const { status, stdout } = await site.run('diff', honest, site.list, '--store', site.store);
    assert.equal(status, 0);
    assert.match(
      stdout,
      /\nunseen {3}sample:latest {3}no manifest is at hand: the layers are those that the list alone names\n0 added, 0 removed, 1 changed, 0 unchanged\n/,
    );
    const json = await site.run('diff', honest, site.list, '--store', site.store, '--json');
    assert.deepEqual(JSON.parse(json.stdout).unseen, ['registry.ollama.ai/library/sample:latest']);
  });

  test('shows what is written for people of a model that is added, since it is signed too', async () => {
    const before = site.beside('before.json');
    writeFileSync(before, readFileSync(site.list));
    site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Another.\n', 'other'));
    await site.allow('other', '--note', 'from the vendor', '--source', 'hf.co/vendor/other');
    const { stdout } = await site.run('diff', before, site.list, '--store', site.store);
    assert.match(stdout, /\nnote {5}other:latest {3}none -> "from the vendor"\n/);
    assert.match(stdout, /\nsource {3}other:latest {3}none -> "hf\.co\/vendor\/other"\n/);
  });

  const restated: Readonly<Record<string, readonly [(text: string) => string, RegExp]>> = {
    'another size of the manifest': [
      (text) => text.replace(/("size":)(\d+)/, '$11$2'),
      /\n {2}manifest {2}size (\d+) -> 1\1\n/,
    ],
    'another size of a layer': [
      (text) => text.replace(/(image\.system".*"size":)(\d+)/, '$11$2'),
      /\n {2}system {4}size (\d+) -> 1\1\n/,
    ],
    'another media type': [
      (text) => text.replace('docker.container.image.v1+json', 'docker.other.v1+json'),
      /\n {2}config {4}media type application\/vnd\.docker\.container\S+ -> application\/vnd\.docker\.other\S+\n/,
    ],
    'another file name': [
      (text) => text.replace(/(image\.system".*"size":\d+)/, '$1,"name":"x"'),
      /\n {2}system {4}file name none -> x\n/,
    ],
    'another order': [
      (text) => text.replace(/(\{.*image\.template.*\}),\s*(\{.*image\.system.*\})/, '$2, $1'),
      /\n {2}the same layers, in another order\n/,
    ],
  };
  for (const [what, [change, line]] of Object.entries(restated))
    test(`calls an entry changed that says ${what} of the same bytes`, async () => {
      const [old, fresh] = [site.beside('old/list.json'), site.beside('fresh/list.json')];
      const text = readFileSync(site.list, 'utf8');
      assert.notEqual(change(text), text);
      for (const [path, said] of [
        [old, text],
        [fresh, change(text)],
      ] as const) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, said);
      }
      const { status, stdout } = await site.run('diff', old, fresh, '--store', '/nonexistent');
      assert.equal(status, 0);
      assert.match(stdout, line);
      assert.match(stdout, /\n0 added, 0 removed, 1 changed, 0 unchanged\n/);
      const id = sha256(Buffer.from(site.good.manifest));
      assert.match(
        stdout,
        new RegExp(`^changed {2}sample:latest {3}manifest ${short(id)} -> ${short(id)}$`, 'm'),
      );
    });
});
