import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { RepairSite } from '../fixtures/repair-site.ts';
import { emptySettings } from '../fixtures/run-main.ts';
import { sampleLayers } from '../fixtures/sample-store.ts';
import { publishFrom } from '../fixtures/served-mirror.ts';
import { top } from '../house/sources.ts';

const piece = 16 * 1024 * 1024;

/** Whether every user may enter a directory, and those above it. */
const isOpenToAll = (path: string): boolean =>
  (statSync(path).mode & 0o001) !== 0 && (dirname(path) === path || isOpenToAll(dirname(path)));

describe('verify-models repair', () => {
  let at: RepairSite;
  let site: RepairSite['site'];
  let library: RepairSite['library'];
  let model: RepairSite['model'];
  beforeEach(async () => {
    at = await RepairSite.start();
    ({ site, library, model } = at);
  });
  afterEach(() => at[Symbol.asyncDispose]());

  test('a store that is sound is left alone, to the last directory', async () => {
    const { status, stdout } = await at.repair();
    assert.equal(status, 0);
    assert.match(stdout, /^sound {5}sample:latest\n0 models repaired, 1 sound, 0 failed\n/);
    assert.equal(existsSync(at.workPlace), false);
    assert.equal(library.requests.length, 0);
  });

  test('an altered layer is fetched again, and nothing else; what was there is kept', async () => {
    const system = model.blob('system');
    const right = readFileSync(system);
    const weights = statSync(model.blob('model')).ino;
    flipBit(system, 3, 0);
    const wrong = readFileSync(system);
    const { status, stdout, stderr } = await at.repair();
    assert.equal(status, 0, stdout + stderr);
    assert.match(
      stdout,
      /^repaired {2}sample:latest {3}system was altered: 45 B fetched\n {2}kept {4}\S+\n1 model repaired, 0 sound, 0 failed\nexit status 0 = all is well\nnext: verify-models check --store \S+\n$/,
    );
    assert.deepEqual(readFileSync(system), right);
    assert.equal(lstatSync(system).mode & 0o777, 0o644);
    assert.equal(statSync(model.blob('model')).ino, weights);
    assert.equal(library.sent, right.length);
    assert.deepEqual(
      at.quarantined().map((name) => readFileSync(join(at.workPlace, 'quarantine', name))),
      [wrong],
    );
    assert.deepEqual(await at.soundness(), []);
  });

  for (const [what, damage] of [
    ['missing', (path: string) => rmSync(path)],
    ['truncated', (path: string) => truncateSync(path, 10)],
    ['empty', (path: string) => truncateSync(path, 0)],
  ] as const) {
    test(`a layer that is ${what} is fetched`, async () => {
      damage(model.blob('template'));
      const { status, stdout } = await at.repair('sample');
      assert.equal(status, 0, stdout);
      assert.deepEqual(await at.soundness(), []);
    });
  }

  test('of weights with a chunk table only the damaged piece is fetched', async () => {
    const large = site.scratch.addModel('registry.ollama.ai/library/large:latest', [
      { kind: 'model', bytes: Buffer.from(patternedBytes(3 * piece + 1000)) },
    ]);
    publishFrom(library, site.store, 'registry.ollama.ai/library/large:latest');
    await site.approve();
    const right = readFileSync(large.blob('model'));
    flipBit(large.blob('model'), piece + 5, 0);
    const { status, stdout } = await at.byList();
    assert.equal(status, 0, stdout);
    assert.match(
      stdout,
      /repaired {2}large:latest {3}weights was altered: 16\.8 MB fetched \(1 of 4 pieces\)/,
    );
    assert.equal(library.sent, piece);
    assert.ok(readFileSync(large.blob('model')).equals(right));
  });

  test('a listed manifest comes back byte for byte, also when its tag has moved upstream', async () => {
    await site.approve();
    const right = readFileSync(model.manifestPath);
    library.publish('library/sample', 'latest', Buffer.from('{"schemaVersion":2}'), []);
    writeFileSync(model.manifestPath, '{"schemaVersion":2,"layers":[]}');
    const { status, stdout } = await at.byList();
    assert.equal(status, 0, stdout);
    assert.match(stdout, /repaired {2}sample:latest {3}manifest was altered/);
    assert.deepEqual(readFileSync(model.manifestPath), right);
  });

  test('a listed model that is gone comes back whole, its manifest last', async () => {
    await site.approve();
    rmSync(site.store, { recursive: true });
    site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Other.\n'));
    const { status, stdout } = await at.byList('sample');
    assert.equal(status, 0, stdout);
    assert.equal(stdout.match(/was missing/g)?.length, 2);
    assert.match(stdout, /manifest was missing/);
    assert.match(stdout, /^next: verify-models check --allow-list \S+ --key \S+ --state \S+ --store \S+$/m);
    assert.deepEqual(await at.soundness(), []);
  });

  test('an upstream that lies changes nothing', async () => {
    const system = model.blob('system');
    flipBit(system, 3, 0);
    const wrong = readFileSync(system);
    library.mischief = ({ at, url }, response) => {
      if (at !== 'store' || !url.includes(model.digest('system'))) return false;
      response
        .writeHead(206, { 'content-length': 45, 'content-range': 'bytes 0-44/45' })
        .end(Buffer.alloc(45));
      return true;
    };
    const { status, stdout } = await at.repair();
    assert.equal(status, 1);
    assert.match(stdout, /^failed {4}sample:latest/m);
    assert.deepEqual(readFileSync(system), wrong);
  });

  test('a model that is not listed is not fetched for: bit 2', async () => {
    await site.approve();
    const other = site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Other.\n'));
    flipBit(other.blob('system'), 2, 0);
    const { status, stdout } = await at.byList();
    assert.equal(status, 2);
    assert.match(
      stdout,
      /failed {4}other:latest {3}other:latest is not on the allow-list models version 1, so nothing is fetched/,
    );
    assert.equal(library.requests.length, 0);
  });

  test('nothing is written behind a link', async () => {
    const system = model.blob('system');
    const elsewhere = site.beside('elsewhere');
    writeFileSync(elsewhere, 'not this one');
    rmSync(system);
    symlinkSync(elsewhere, system);
    const { status, stdout } = await at.repair();
    assert.equal(status, 4);
    assert.match(stdout, /it is a link, and a repair writes behind none/);
    assert.equal(readFileSync(elsewhere, 'utf8'), 'not this one');
    assert.equal(lstatSync(system).isSymbolicLink(), true);
  });

  test('an altered blob that no model names is set aside, and a sound one stays', async () => {
    const [bad, good] = ['b', 'c'].map((name) => site.scratch.blob(`sha256:${name.repeat(64)}`));
    writeFileSync(bad ?? '', 'other bytes');
    const sound = site.scratch.addModel('registry.ollama.ai/library/gone:latest', sampleLayers('Gone.\n'));
    rmSync(sound.manifestPath);
    const { status, stdout } = await at.repair();
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^aside {5}bbbbbbbbbbbb {3}no model names it, and it is altered; kept as /m);
    assert.equal(existsSync(bad ?? ''), false);
    assert.equal(existsSync(good ?? ''), false);
    assert.equal(existsSync(sound.blob('system')), true);
  });

  test('a store whose surroundings others can change is not written by root', {
    skip: process.getuid?.() === 0 ? false : 'needs root',
  }, async () => {
    flipBit(model.blob('system'), 3, 0);
    chmodSync(join(site.store, 'blobs'), 0o777);
    const { status, stderr } = await at.repair();
    assert.equal(status, 4);
    assert.match(stderr, /blobs can be changed by other users, and root does not write there/);
  });

  test('a manifest is written behind no link: not where a directory of manifests was swapped for one', async () => {
    await site.approve();
    const folder = dirname(model.manifestPath);
    const elsewhere = site.beside('elsewhere');
    mkdirSync(elsewhere);
    rmSync(folder, { recursive: true });
    symlinkSync(elsewhere, folder);
    const { status, stdout } = await at.repair(...at.list, 'sample:latest');
    assert.equal(status, 4, stdout);
    assert.match(stdout, /failed {4}sample:latest .*it is a link, and nothing is written behind one/);
    assert.deepEqual(readdirSync(elsewhere), []);
  });

  test('a store below a directory of a third user is not written by root', {
    skip: process.getuid?.() === 0 ? false : 'needs root',
  }, async () => {
    flipBit(model.blob('system'), 3, 0);
    chownSync(site.scratch.folder, 61_001, 61_001);
    const { status, stderr } = await at.repair();
    assert.equal(status, 4);
    assert.match(
      stderr,
      /user 61001 can write \S+, and could put something else in the place of \S+; root does not write there/,
    );
    assert.equal(existsSync(at.workPlace), false);
  });

  test("root becomes the store's owner before it writes: what is made belongs to that user", {
    skip:
      process.getuid?.() !== 0
        ? 'needs root'
        : isOpenToAll(top)
          ? false
          : 'needs a checkout that every user may read: the program is loaded as the owner too',
  }, async () => {
    const nobody = 65_534;
    chmodSync(site.scratch.folder, 0o755);
    for (const path of [
      site.store,
      ...readdirSync(site.store, { recursive: true, encoding: 'utf8' }).map((name) => join(site.store, name)),
    ])
      chownSync(path, nobody, nobody);
    flipBit(model.blob('system'), 3, 0);
    const words = ['repair', '--store', site.store, '--from', at.from];
    const child = execFile(process.execPath, [join(top, 'dist', 'verify-models.cjs'), ...words], {
      env: { PATH: process.env.PATH, VERIFY_MODELS_CONFIG: emptySettings },
    });
    const [status] = (await once(child, 'close')) as [number];
    assert.equal(status, 0);
    assert.deepEqual(
      [statSync(model.blob('system')).uid, statSync(model.blob('system')).gid],
      [nobody, nobody],
    );
    // The directory above belongs to root: the quarantine is in the store's own.
    assert.equal(statSync(join(site.store, '.verify-models')).uid, nobody);
    assert.equal(existsSync(at.workPlace), false);
    assert.deepEqual(await at.soundness(), []);
  });

  test('needs to know where from, a model that it knows, and the network', async () => {
    const unknown = await at.repair('nothing');
    assert.equal(unknown.status, 64);
    assert.match(unknown.stderr, /nothing is not in the store, and no allow-list says what it is/);
    assert.equal((await site.run('repair', '--store', site.store)).status, 64);
    assert.equal((await at.repair('--offline')).status, 64);
  });
});
