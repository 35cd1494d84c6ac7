import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { flipBit } from '../../fixtures/damage.ts';
import { MirrorCommands } from '../../fixtures/mirror-command.ts';
import { sampleLayers, sha256 } from '../../fixtures/sample-store.ts';
import { ScratchStore } from '../../fixtures/scratch-store.ts';
import { publishFrom, ServedMirror } from '../../fixtures/served-mirror.ts';
import { SignedSite } from '../../fixtures/signed-site.ts';
import { until } from '../../fixtures/until.ts';
import { wrongBlobs } from '../../fixtures/whole-blobs.ts';

describe('sync, status, scrub and gc', () => {
  let mirror: MirrorCommands;
  let store: ScratchStore;
  const [, , system = { bytes: Buffer.alloc(0) }] = sampleLayers();
  beforeEach(async () => {
    mirror = await MirrorCommands.start();
    store = new ScratchStore();
    store.addModel();
    publishFrom(mirror.library, store.path, 'registry.ollama.ai/library/sample:latest');
  });
  afterEach(async () => {
    store.remove();
    await mirror[Symbol.asyncDispose]();
  });

  const fileOf = (bytes: Buffer) => {
    const hex = sha256(bytes).slice(7);
    return join(mirror.data, 'blobs', 'sha256', hex.slice(0, 2), hex);
  };

  describe('sync', () => {
    test('fetches what is named, says so, and has it the next time', async () => {
      const first = await mirror.run(['sync', 'sample']);
      assert.equal(first.status, 0, first.stderr);
      assert.match(
        first.stdout,
        /^fetched {3}sample:latest {3}17\.2 kB\n1 fetched, 0 here already, 0 moved upstream, 0 refused, 0 failed\nexit status 0 = all is well\nnext: model-mirror serve\n$/,
      );
      const again = await mirror.run(['sync', 'sample']);
      assert.match(again.stdout, /^here {6}sample:latest\n0 fetched, 1 here already/);
      assert.deepEqual(wrongBlobs(mirror.data), []);
    });

    test('a model that nobody has, and a name that is none', async () => {
      const missing = await mirror.run(['sync', 'sample', 'missing']);
      assert.equal(missing.status, 4);
      assert.match(missing.stdout, /^failed {4}missing:latest {3}upstream does not have it$/m);
      assert.equal((await mirror.run(['sync', 'a/b/c/d'])).status, 64);
      assert.equal((await mirror.run(['sync'])).status, 64);
      assert.equal((await mirror.run(['sync', 'sample', '--json'])).status, 64);
    });

    test('a tag that moved is told with both digests and what changed, and is not followed: bit 2', async () => {
      await mirror.run(['sync', 'sample']);
      const other = new ScratchStore();
      other.addModel('registry.ollama.ai/library/sample:latest', sampleLayers('Be evil.\n'));
      publishFrom(mirror.library, other.path, 'registry.ollama.ai/library/sample:latest');
      other.remove();
      const { status, stdout } = await mirror.run(['sync', 'sample']);
      assert.equal(status, 2);
      assert.match(
        stdout,
        /^moved {5}sample:latest {3}here [0-9a-f]{12}, upstream [0-9a-f]{12}; it is not followed$/m,
      );
      assert.match(stdout, /^ {2}system {4}[0-9a-f]{12} \(45 B\) -> [0-9a-f]{12} \(9 B\)$/m);
      assert.match(stdout, /^ {4}[-+].*Be evil\./m);
      const after = await mirror.run(['status']);
      assert.match(
        after.stdout,
        /^moved {4}registry\.ollama\.ai\/library\/sample:latest {3}approved [0-9a-f]{12}, upstream [0-9a-f]{12}/m,
      );
      assert.equal((await mirror.run(['sync', 'sample'])).status, 2);
    });

    test('of a list fetches all that it names, and refuses the rest', async () => {
      const site = new SignedSite();
      try {
        site.scratch.addModel();
        await site.approve();
        const list = ['--allow-list', site.list, '--key', site.key('alice').pub];
        assert.equal((await mirror.run(['sync', ...list])).status, 0);
        const other = await mirror.run(['sync', 'other', ...list]);
        assert.equal(other.status, 2);
        assert.match(
          other.stdout,
          /^refused {3}other:latest {3}other:latest is not on the allow-list models version 1; ask whoever runs this mirror$/m,
        );
        site.day = 200;
        rmSync(site.approvals);
        const unsigned = await mirror.run(['sync', ...list]);
        assert.equal(unsigned.status, 2);
        assert.match(unsigned.stderr, /the allow-list is not accepted: nobody has approved the allow-list/);
      } finally {
        site.remove();
      }
    });

    test('with --every stays, and ends with the status of the signal', async () => {
      const io = mirror.io();
      const run = mirror.run(['sync', 'sample', '--every', '10m'], io);
      const rounds = () => io.stdout.text.match(/failed\nexit status/g)?.length ?? 0;
      await until(() => rounds() === 1);
      await until(() => {
        io.pass(10 * 60_000);
        return rounds() >= 2;
      });
      io.interrupt(143);
      assert.equal((await run).status, 143);
    });
  });

  test('status says what is here, as text and as JSON', async () => {
    await mirror.run(['sync', 'sample']);
    const { stdout } = await mirror.run(['status']);
    assert.match(
      stdout,
      /\nmodels {3}1\nblobs {4}6, 17\.2 kB\n {2}sample:latest {3}[0-9a-f]{12} {3}17\.2 kB\nnext: model-mirror scrub\n$/,
    );
    const { stdout: json } = await mirror.run(['status', '--json']);
    const { schema, totals } = JSON.parse(json) as { schema: string; totals: object };
    assert.equal(schema, 'urn:model-mirror:status:v1');
    assert.deepEqual(totals, { models: 1, blobs: 6, bytes: 17_165, refusals: 0, moved: 0 });
  });

  test('200 models stand in one list, in the order of their names', async () => {
    const names = Array.from({ length: 200 }, (_, at) => `m${String(at).padStart(3, '0')}`);
    for (const name of names) {
      store.addModel(`registry.ollama.ai/library/${name}:latest`, sampleLayers(`${name}\n`));
      publishFrom(mirror.library, store.path, `registry.ollama.ai/library/${name}:latest`);
    }
    assert.equal((await mirror.run(['sync', ...names, '--quiet'])).status, 0);
    const { stdout } = await mirror.run(['status']);
    const listed = stdout
      .split('\n')
      .flatMap((line) => /^ {2}(m\d{3}):latest {3}[0-9a-f]{12} {3}\S+ kB$/.exec(line)?.[1] ?? []);
    assert.deepEqual(listed, names);
  });

  test('all of them work beside a running serve on the same data', async () => {
    await using served = await ServedMirror.start(...mirror.places);
    assert.equal((await mirror.run(['sync', 'sample'])).status, 0);
    const manifest = () => fetch(`${served.url}/v2/library/sample/manifests/latest`);
    assert.equal((await manifest()).status, 200);
    for (const command of ['status', 'scrub', 'gc'])
      assert.equal((await mirror.run([command])).status, 0, command);
    assert.equal((await manifest()).status, 200);
  });

  describe('scrub', () => {
    test('of a sound mirror says so', async () => {
      await mirror.run(['sync', 'sample']);
      const { status, stdout } = await mirror.run(['scrub']);
      assert.equal(status, 0);
      assert.match(stdout, /^6 blobs are sound, 17\.2 kB; 0 were not, 0 of them are here again\n/);
    });

    test('puts what rotted into quarantine, and fetches it again', async () => {
      await mirror.run(['sync', 'sample']);
      chmodSync(fileOf(system.bytes), 0o644);
      flipBit(fileOf(system.bytes), 3, 0);
      const { status, stdout } = await mirror.run(['scrub']);
      assert.equal(status, 0, stdout);
      assert.match(
        stdout,
        /^rotten {3}[0-9a-f]{12} {3}its bytes are sha256:[0-9a-f]{64}; it lies in \S+\/quarantine\//,
      );
      assert.match(stdout, /\n5 blobs are sound, .*; 1 were not, 1 of them are here again\n/);
      assert.deepEqual(readFileSync(fileOf(system.bytes)), system.bytes);
      assert.equal(readdirSync(join(mirror.data, 'quarantine')).length, 2);
    });

    test('says what cannot be had again: bit 1, and it is not served', async () => {
      await mirror.run(['sync', 'sample']);
      rmSync(fileOf(system.bytes));
      await mirror.library.close();
      const { status, stdout } = await mirror.run(['scrub']);
      assert.equal(status, 1);
      assert.match(stdout, /it is not there\n/);
      assert.match(stdout, /1 were not, 0 of them are here again/);
    });
  });

  describe('gc', () => {
    async function orphan(): Promise<string> {
      await mirror.run(['sync', 'sample']);
      const hex = 'c'.repeat(64);
      const place = join(mirror.data, 'blobs', 'sha256', 'cc');
      const { mkdirSync, writeFileSync } = await import('node:fs');
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, hex), 'nobody names this');
      return join(place, hex);
    }
    const age = (path: string, io = mirror.io()) => {
      const old = new Date(io.now().getTime() - 25 * 3_600_000);
      utimesSync(path, old, old);
    };

    test('shows what no model names, and removes nothing', async () => {
      const path = await orphan();
      age(path);
      const { status, stdout } = await mirror.run(['gc']);
      assert.equal(status, 0);
      assert.equal(
        stdout,
        'unnamed  cccccccccccc   17 B\nno model names 1 blobs, 17 B; nothing was removed\nnext: model-mirror gc --yes\n',
      );
      assert.equal(readFileSync(path, 'utf8'), 'nobody names this');
    });

    test('removes it with --yes, and nothing that a model names', async () => {
      const path = await orphan();
      age(path);
      const { stdout } = await mirror.run(['gc', '--yes']);
      assert.match(stdout, /^removed {2}cccccccccccc {3}17 B\nremoved 1 blobs, 17 B\n/);
      assert.throws(() => readFileSync(path));
      assert.match((await mirror.run(['scrub'])).stdout, /^6 blobs are sound/);
    });

    test('leaves what came within a day: its model may be on its way', async () => {
      const path = await orphan();
      const io = mirror.io();
      utimesSync(path, io.now(), io.now());
      const { stdout } = await mirror.run(['gc', '--yes'], io);
      assert.match(stdout, /^removed 0 blobs/);
    });
  });
});
