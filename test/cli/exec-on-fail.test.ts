import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { hasReflinks } from '../fixtures/reflinks.ts';
import { type SampleModel, sampleLayers } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';

const root = process.getuid?.() === 0;

suite('exec when the check fails', () => {
  let site: SealedSite;
  let model: SampleModel;
  beforeEach(() => {
    site = new SealedSite();
    model = site.scratch.addModel();
  });
  afterEach(() => site.remove());

  const flip = () => flipBit(model.blob('system'), 0, 0);

  test('--on-fail quarantine: what is bad is moved beside the store, and the rest starts', async () => {
    site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Be brief.'));
    flip();
    const run = await site.run('exec', '--on-fail', 'quarantine', ...site.where, '--', 'sh');
    assert.equal(run.status, 0, run.stderr);
    assert.deepEqual(run.io.replaced?.words, ['sh']);
    assert.match(run.stderr, /error blob-altered: the system layer of sample:latest/);
    assert.match(run.stderr, /quarantined: 1 model and 1 blob moved to /);
    assert.match(run.stderr, /is in order: 1 model, /);
    const [time = ''] = readdirSync(`${site.store}.quarantine`);
    const kept = (path: string) => readFileSync(path.replace(site.store, `${site.store}.quarantine/${time}`));
    assert.deepEqual(kept(model.manifestPath).toString(), model.manifest);
    assert.equal(kept(model.blob('system')).length, 45);
    assert.equal(existsSync(model.manifestPath), false);
    // Shared with the sound model: it stays.
    assert.equal(existsSync(model.blob('model')), true);
  });

  test('a report is one document, of the check that decided; the events of both stand one after the other', async () => {
    site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Be brief.'));
    flip();
    const [json, xml, lines] = [site.beside('json'), site.beside('xml'), site.beside('lines')];
    const reports = [`json=${json}`, `junit=${xml}`, `jsonl=${lines}`].flatMap((each) => ['--report', each]);
    const exec = (action: string) =>
      site.run('exec', '--on-fail', action, ...reports, ...site.where, '--', 'sh');
    const told = () => {
      const report = JSON.parse(readFileSync(json, 'utf8')) as { exitCode: number; models: unknown[] };
      assert.equal(readFileSync(xml, 'utf8').match(/<testsuites/g)?.length, 1);
      const events = readFileSync(lines, 'utf8').trim().split('\n');
      const ends = events.map((line) => JSON.parse(line)).filter(({ type }) => /start|end/.test(type));
      return [
        report.exitCode,
        report.models.length,
        ends.map(({ type, exitCode }) => exitCode ?? type).join(' '),
      ];
    };
    assert.equal((await exec('stop')).status, 1);
    assert.deepEqual(told(), [1, 2, 'start 1']);
    writeFileSync(`${site.store}.quarantine`, '');
    assert.equal((await exec('quarantine')).status, 4);
    assert.deepEqual(told(), [1, 2, 'start 1']);
    rmSync(`${site.store}.quarantine`);
    assert.equal((await exec('quarantine')).status, 0);
    assert.deepEqual(told(), [0, 1, 'start 1 start 0']);
  });

  test('--on-fail quarantine moves nothing when the list itself is not accepted', async () => {
    await site.approve();
    writeFileSync(site.approvals, '');
    const list = ['--allow-list', site.list, '--key', site.key('alice').pub];
    const run = await site.run('exec', '--on-fail', 'quarantine', ...list, ...site.where, '--', 'sh');
    assert.equal(run.status, 2);
    assert.equal(existsSync(model.manifestPath), true);
    assert.equal(existsSync(`${site.store}.quarantine`), false);
  });

  test('--on-fail quarantine refuses a place that somebody else prepared', async () => {
    flip();
    mkdirSync(site.beside('elsewhere'));
    symlinkSync(site.beside('elsewhere'), `${site.store}.quarantine`);
    const run = await site.run('exec', '--on-fail', 'quarantine', ...site.where, '--', 'sh');
    assert.equal(run.status, 4);
    assert.match(
      run.stderr,
      /not started: the check failed\n.*nothing was started: .*it is no directory \(START_REFUSED\)/s,
    );
    assert.deepEqual(readdirSync(site.beside('elsewhere')), []);
    assert.equal(existsSync(model.manifestPath), true);
  });

  test('root mends no store to which a link of another user leads: nothing is moved in it, and nothing made beside it', {
    skip: !root && 'needs root',
  }, async () => {
    flip();
    const his = site.beside('his');
    mkdirSync(his);
    symlinkSync(site.store, `${his}/models`);
    chownSync(his, 61_001, 61_001);
    lchownSync(`${his}/models`, 61_001, 61_001);
    chmodSync(site.scratch.folder, 0o755);
    const before = readdirSync(site.scratch.folder);
    for (const words of [['quarantine'], ['serve-allowed', '--user', 'nobody']]) {
      const where = ['--store', `${his}/models`, '--state', site.state];
      const run = await site.run('exec', '--on-fail', ...words, ...where, '--', 'sh');
      assert.deepEqual([run.status, run.io.replaced], [4, undefined], run.stderr);
      assert.match(run.stderr, /root follows no link of another user \(START_REFUSED\)/);
    }
    assert.deepEqual(readdirSync(site.scratch.folder), [...before, 'state'].sort());
    assert.equal(existsSync(model.manifestPath), true);
  });

  suite('--on-fail serve-allowed', { skip: !root && 'needs root' }, () => {
    const serve = (user = 'nobody') =>
      site.run('exec', '--on-fail', 'serve-allowed', '--user', user, ...site.where, '--', 'sh');
    const view = () => `${site.store}.allowed`;

    test('starts on a view that holds the sound models alone, by the same bytes, and keeps it', async () => {
      const other = site.scratch.addModel(
        'registry.ollama.ai/library/other:latest',
        sampleLayers('Be brief.'),
      );
      flip();
      const first = await serve();
      assert.equal(first.status, 0, first.stderr);
      assert.equal(first.io.replaced?.environment.OLLAMA_MODELS, view());
      assert.match(first.stderr, /serve-allowed: 1 model in .*, 1 left out; the view is checked now/);
      assert.deepEqual(readdirSync(`${view()}/manifests/registry.ollama.ai/library`), ['other']);
      assert.equal(readdirSync(`${view()}/blobs`).length, 6);
      const inode = (path: string) => statSync(path).ino;
      const linked = first.stderr.match(
        /warning: blobs\/\S+ has 2 names on this disk; .*\(and 5 more such\)\n/g,
      );
      assert.equal(linked?.length ?? 0, hasReflinks(site.scratch.folder) ? 0 : 1, first.stderr);
      const inView = other.blob('model').replace(site.store, view());
      assert.equal(inode(inView) === inode(other.blob('model')), !hasReflinks(site.scratch.folder));
      const before = statSync(inView).ctimeMs;
      assert.equal((await serve()).status, 0);
      assert.equal(statSync(inView).ctimeMs, before);
    });

    test('takes away what is no longer allowed, and refuses what does not prove sound', async () => {
      const other = site.scratch.addModel(
        'registry.ollama.ai/library/other:latest',
        sampleLayers('Be brief.'),
      );
      flip();
      await serve();
      writeFileSync(`${view()}/blobs/stray`, 'stray');
      writeFileSync(other.manifestPath, '{}');
      const run = await serve();
      assert.equal(run.status, 0, run.stderr);
      assert.deepEqual(readdirSync(`${view()}/blobs`), []);
      assert.match(run.stderr, /is in order: 0 models/);
    });

    /** Two models, one of them not sound, all of it owned by a user. */
    const givenTo = (uid: number): void => {
      for (const name of readdirSync(site.scratch.at('blobs')))
        chownSync(site.scratch.at('blobs', name), uid, uid);
    };

    test('refuses hard links to files that the user of the command can write', async (t) => {
      if (hasReflinks(site.scratch.folder)) return t.skip('reflinks are files of their own here');
      site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Be brief.'));
      flip();
      givenTo(61_001);
      const run = await serve('61001:61001');
      assert.deepEqual([run.status, run.io.replaced], [4, undefined]);
      assert.match(run.stderr, /a hard link would be no protection/);
    });

    test('keeps no hard link whose file was given to the user of the command meanwhile', async (t) => {
      if (hasReflinks(site.scratch.folder)) return t.skip('reflinks are files of their own here');
      site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Be brief.'));
      flip();
      assert.equal((await serve('61001:61001')).status, 0);
      givenTo(61_001);
      const run = await serve('61001:61001');
      assert.deepEqual([run.status, run.io.replaced], [4, undefined], run.stderr);
      assert.match(run.stderr, /a hard link would be no protection/);
      givenTo(0);
      assert.equal((await serve('61001:61001')).status, 0);
    });

    test('keeps no link of before that the user can write, when another file took its place in the store', async (t) => {
      if (hasReflinks(site.scratch.folder)) return t.skip('reflinks are files of their own here');
      const other = site.scratch.addModel(
        'registry.ollama.ai/library/other:latest',
        sampleLayers('Be brief.'),
      );
      flip();
      const [here, there] = [other.blob('model'), other.blob('model').replace(site.store, view())];
      // Its time says that it is newer than whatever comes.
      utimesSync(here, 4e9, 4e9);
      assert.equal((await serve('61001:61001')).status, 0);
      const bytes = readFileSync(here);
      givenTo(61_001);
      rmSync(here);
      writeFileSync(here, bytes);
      givenTo(0);
      chownSync(there, 61_001, 61_001);
      const run = await serve('61001:61001');
      assert.equal(run.status, 0, run.stderr);
      assert.deepEqual([statSync(there).uid, statSync(there).ino], [0, statSync(here).ino]);
    });

    test('its user can read the view, and can neither write a blob of it nor put another in its place', async () => {
      const other = site.scratch.addModel(
        'registry.ollama.ai/library/other:latest',
        sampleLayers('Be brief.'),
      );
      flip();
      chmodSync(site.scratch.folder, 0o755);
      assert.equal((await serve('61001:61001')).status, 0);
      const blob = other.blob('model').replace(site.store, view());
      const bytes = readFileSync(blob);
      const as = (line: string) =>
        spawnSync('sh', ['-c', line, blob, view()], { uid: 61_001, gid: 61_001, encoding: 'utf8' });
      assert.equal(as('cat "$0" > /dev/null').status, 0);
      for (const line of [
        'echo x >> "$0"',
        'chmod u+w "$0"',
        'rm -f "$0"',
        'mv "$0" "$0.old"',
        'echo x > "$0.new"',
        'mv "$1" "$1.old"',
        'echo x > "$1/manifests/registry.ollama.ai/library/other/latest"',
      ]) {
        assert.notEqual(as(line).status, 0, line);
      }
      assert.deepEqual(readFileSync(blob), bytes);
    });

    test('starts nothing when the view itself is not in order', async () => {
      const other = site.scratch.addModel(
        'registry.ollama.ai/library/other:latest',
        sampleLayers('Be brief.'),
      );
      flip();
      assert.equal((await serve()).status, 0);
      // What root put there, as large as the blob and newer than it, is taken for a reflink of before.
      const inView = other.blob('model').replace(site.store, view());
      const bytes = readFileSync(inView);
      rmSync(inView);
      writeFileSync(inView, bytes.fill(7), { mode: 0o444 });
      utimesSync(inView, 4e9, 4e9);
      const log = site.beside('log');
      const more = ['--termination-log', log, '--full'];
      const user = ['--user', 'nobody'];
      const run = await site.run(
        ...['exec', '--on-fail', 'serve-allowed', ...user, ...more, ...site.where, '--', 'sh'],
      );
      assert.deepEqual([run.status, run.io.replaced], [1, undefined]);
      assert.match(
        run.stderr,
        /serve-allowed: 1 model.*blob-altered: the weights layer of other:latest.*not started/s,
      );
      assert.match(readFileSync(log, 'utf8'), /blob-altered: the weights layer of other:latest/);
    });

    test('refuses a place that the user of the command could swap', async () => {
      flip();
      chownSync(site.scratch.folder, 61_001, 61_001);
      const run = await serve('61001:61001');
      assert.equal(run.status, 4);
      assert.match(run.stderr, /could put another view in the place of/);
    });

    test('needs a user who is not root', async () => {
      flip();
      for (const words of [[], ['--user', 'root']]) {
        const run = await site.run('exec', '--on-fail', 'serve-allowed', ...words, ...site.where, '--', 'sh');
        assert.deepEqual([run.status, run.io.replaced], [4, undefined]);
        assert.match(run.stderr, /serve-allowed needs root and --user/);
      }
    });
  });
});
