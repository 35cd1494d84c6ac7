import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { flipBit } from '../../fixtures/damage.ts';
import { patternedBytes } from '../../fixtures/patterned-bytes.ts';
import { resealAsItIs } from '../../fixtures/reseal.ts';
import { type SampleModel, sampleLayers } from '../../fixtures/sample-store.ts';
import { until } from '../../fixtures/until.ts';
import { WatchedSite } from '../../fixtures/watched-site.ts';

const mebibyte = 1024 * 1024;
const linux = process.platform === 'linux' ? false : 'needs Linux: /proc';

/** Whether a thread of this process reads the file. */
const isRead = (path: string): boolean =>
  readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });

suite('a watched store', () => {
  let site: WatchedSite;
  beforeEach(() => {
    site = new WatchedSite();
  });
  afterEach(async () => {
    await site.stop();
    site.remove();
  });
  /** Comes back once a number of the metrics is this large. */
  const reaches = (name: string, value: number) =>
    until(async () => ((await site.metric(name)) ?? 0) >= value);

  suite('with a slow full pass', { skip: linux }, () => {
    let large: SampleModel;
    /** Hashed in this order: the biggest first. */
    let [first, second] = ['', ''];
    beforeEach(() => {
      const [one, two] = [patternedBytes(mebibyte + 1), patternedBytes(mebibyte, 7)];
      large = site.scratch.addModel('registry.ollama.ai/library/large:latest', [
        { kind: 'model', bytes: one },
        { kind: 'projector', bytes: two },
      ]);
      [first, second] = [large.blob('model'), large.blob('projector')];
    });

    test('is not called in order by a pass that had read a file before it was altered', async () => {
      const { program, kept } = site.keeper();
      // Without the rate, so that the first pass is a fast one.
      await site.sealed();
      await site.watch('--max-rate', '700kB/s', '--on-finding', program);
      site.startFullPass();
      await until(() => isRead(second));
      flipBit(first, 0, 0);
      await until(() => /blob-altered: the weights layer of large:latest/.test(site.said));
      await until(() => /full pass, /.test(site.said));
      assert.match(site.said, /full pass, in order: .*; something changed meanwhile/);
      await reaches('verify_models_checks_total{kind="change",result="failed"}', 2);
      assert.equal(await site.metric('verify_models_exit_code'), 1);
      assert.equal(await site.metric('verify_models_findings{rule="blob-altered"}'), 1);
      assert.equal((await site.page('/readyz')).status, 503);
      assert.equal(await site.metric('verify_models_checks_total{kind="full",result="ok"}'), 1);
      await site.stop();
      assert.equal(kept().length, 1);
    });

    test('keeps to --max-rate, and says a change meanwhile', async () => {
      await site.sealed();
      // A second's worth is 10 kB, of which a quarter may be read at once: more than three minutes for the large ones.
      await site.watch('--max-rate', '10kB/s');
      site.startFullPass();
      await until(() => isRead(first));
      site.scratch.addModel('registry.ollama.ai/library/new:1b', sampleLayers('Be brief.'));
      await until(() => site.said.includes('in order: 2 models'));
      assert.doesNotMatch(site.said, /full pass/);
    });

    test('has no exit status in the metrics before its first check ended', async () => {
      await site.begin('--max-rate', '10kB/s');
      await until(() => isRead(first));
      assert.match((await site.page('/metrics')).text, /^verify_models_hashed_bytes_total 0$/m);
      assert.equal(await site.metric('verify_models_exit_code'), undefined);
    });

    test('keeps to --max-rate in the first pass too, which has everything to read', async () => {
      const began = performance.now();
      await site.watch('--max-rate', '1MB/s');
      // Two MiB less a quarter of a second and the last part, which is waited for and not after.
      assert.ok(performance.now() - began > 700, `${performance.now() - began} ms`);
    });
  });

  test('is watched again a minute after it came back', async () => {
    const model = site.scratch.addModel();
    await site.watch();
    const away = site.beside('away');
    renameSync(site.store, away);
    await until(() => site.said.includes('check-failed'));
    renameSync(away, site.store);
    site.passMinute();
    await until(() => site.said.split('in order: ').length === 3);
    flipBit(model.blob('system'), 0, 0);
    await until(() => site.said.includes('blob-altered'));
  });

  test('is not trusted from the moment at which its list expires', async () => {
    site.scratch.addModel();
    await site.approve('--expires', '1');
    // 43.2 s before it expires.
    site.day += 0.9995;
    await site.watch('--allow-list', site.list, '--key', site.key('alice').pub);
    await until(() => site.waits !== undefined);
    // A time of day in days is not exact.
    assert.ok(Math.abs((site.waits ?? 0) - 43_200) <= 1, `${site.waits}`);
    site.passTime(43_201);
    await until(() => site.said.includes('list-expired: the allow-list is not accepted'));
    await reaches('verify_models_exit_code', 2);
    assert.equal((await site.page('/readyz')).status, 503);
    // No date is left: it looks every minute again.
    await until(() => site.waits === 60_000);
  });

  test('whose list cannot be judged at its date is looked at every minute, and not without a pause', async () => {
    site.scratch.addModel();
    await site.approve('--expires', '1');
    site.day += 0.9995;
    await site.watch('--allow-list', site.list, '--key', site.key('alice').pub);
    await until(() => site.waits !== undefined);
    rmSync(site.key('alice').pub);
    site.passTime(43_201);
    await until(() => site.said.includes('check-failed'));
    await until(() => site.waits === 60_000);
    assert.equal(site.shortWaits, 0);
  });

  test('that went away is a failed check: metrics, text file and program say so, the program once', async () => {
    site.scratch.addModel();
    const { program, kept } = site.keeper();
    const file = site.beside('models.prom');
    await site.watch('--on-finding', program, '--textfile', file);
    renameSync(site.store, site.beside('away'));
    await reaches('verify_models_exit_code', 4);
    await until(() => /^verify_models_exit_code 4$/m.test(readFileSync(file, 'utf8')));
    const failed = 'verify_models_checks_total{kind="change",result="failed"}';
    const before = (await site.metric(failed)) ?? assert.fail();
    assert.ok(before > 0);
    site.passMinute();
    await reaches(failed, before + 1);
    assert.equal(await site.metric('verify_models_findings{rule="check-failed"}'), 1);
    const { text: reason } = await site.page('/readyz');
    await site.stop();
    assert.deepEqual(
      kept().map(({ findings }) => findings.map(({ rule }) => rule)),
      [['check-failed']],
    );
    assert.match(reason, /cannot read the store/);
    assert.match(site.said, /check-failed: cannot read the store .*: ENOENT/);
    assert.match(site.said, /not checked, exit status 4/);
  });

  test('is checked on while the program of --on-finding runs, which gets what was found meanwhile when it ended', async () => {
    const model = site.scratch.addModel();
    const held = site.beside('held');
    writeFileSync(held, '');
    const { program, kept } = site.keeper(held);
    await site.watch('--on-finding', program);
    flipBit(model.blob('system'), 0, 0);
    await until(() => kept().length === 1);
    flipBit(model.blob('license'), 0, 0);
    await until(() => /blob-altered: the license layer/.test(site.said));
    assert.equal(kept().length, 1);
    rmSync(held);
    await until(() => kept().length === 2);
    assert.deepEqual(
      kept().map(({ exitCode, findings }) => [exitCode, findings.map(({ layer }) => layer)]),
      [
        [1, ['system']],
        [1, ['license']],
      ],
    );
  });

  test('in which a full pass found what the seal cannot see stays so, although no seal can be written', async () => {
    const model = site.scratch.addModel();
    await site.sealed();
    // A disk that decays moves no time: the seal is made to hold what the file is now.
    flipBit(model.blob('system'), 0, 0);
    const seal = resealAsItIs(site);
    await site.watch();
    mkdirSync(`${site.state}/.${seal}.4711`);
    site.startFullPass();
    await until(() => site.said.includes('full pass, exit status 1'));
    site.passMinute();
    await reaches('verify_models_checks_total{kind="change",result="failed"}', 1);
    assert.equal(await site.metric('verify_models_exit_code'), 1);
  });

  test('is read whole by a full pass: a chunk table that nobody held against its blob hides nothing from it', async () => {
    const weights = patternedBytes(17 * mebibyte);
    const big = site.scratch.addModel('registry.ollama.ai/library/big:latest', [
      { kind: 'model', bytes: weights },
      ...sampleLayers().slice(1),
    ]);
    await site.allow('--all');
    flipBit(big.blob('model'), 0, 0);
    // The table of the flipped bytes takes the place of the true one, and a signer who looks at none approves it.
    const chunks = site.beside('chunks');
    const [listed = ''] = readdirSync(chunks);
    const table = readFileSync(`${chunks}/${listed}`);
    const first = readFileSync(big.blob('model')).subarray(0, 16 * mebibyte);
    createHash('sha256').update(first).digest().copy(table);
    const wrong = createHash('sha256').update(table).digest('hex');
    writeFileSync(`${chunks}/${wrong}`, table);
    writeFileSync(site.list, readFileSync(site.list, 'utf8').replaceAll(listed, wrong));
    await site.sign('alice', '--tables-unseen');
    await site.watch('--allow-list', site.list, '--key', site.key('alice').pub);
    site.startFullPass();
    await until(() => /blob-altered: the weights layer of big:latest/.test(site.said));
    await until(() => site.said.includes('full pass, exit status 1'));
    // Nor does the next look call it in order by the table.
    site.passMinute();
    await reaches('verify_models_checks_total{kind="change",result="failed"}', 1);
    assert.equal(await site.metric('verify_models_exit_code'), 1);
  });
});
