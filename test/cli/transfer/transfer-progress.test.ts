import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TransferProgress } from '../../../cli/transfer/index.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { emptySettings, newIo, runMainWith } from '../../fixtures/run-main.ts';

describe('the progress of a transfer', () => {
  test('is told by bytes, rate and time left, every five seconds where there is no terminal', () => {
    const io = newIo();
    const progress = new TransferProgress('plain', false, io);
    progress.update(0, 8_000_000_000);
    for (const done of [1, 2, 3]) {
      io.pass(2500);
      progress.update(done * 1_000_000_000, 8_000_000_000);
      io.pass(2500);
    }
    progress.stop();
    assert.deepEqual(io.stderr.lines, [
      'copied 1.0 GB of 8.0 GB (12 %), 200 MB/s, 35 s left',
      'copied 2.0 GB of 8.0 GB (25 %), 200 MB/s, 30 s left',
      'copied 3.0 GB of 8.0 GB (37 %), 200 MB/s, 25 s left',
    ]);
    assert.equal(io.running, 0);
  });

  test('that is not wanted says nothing', () => {
    const io = newIo();
    for (const progress of [
      new TransferProgress('none', false, io),
      new TransferProgress(undefined, true, io),
    ]) {
      progress.update(1, 2);
      progress.stop();
    }
    io.pass(60_000);
    assert.equal(io.stderr.text, '');
  });

  test('is shown on both ends: by export, by import, and by install', async () => {
    using site = await GapSite.make();
    /** A world in which time passes as soon as somebody waits for it. */
    const hasty = () =>
      newIo({
        environment: { MODEL_MIRROR_CONFIG: emptySettings },
        onTimer: (world) => void setImmediate(() => world.pass(5000)),
      });
    const { there } = site;
    const by = (list: string) => ['--allow-list', list, '--key', site.key, '--progress', 'plain'];
    const sending = hasty();
    const sent = await site.mirror(
      ['export', '--data', site.data, '-o', site.archive, ...by(site.listPath)],
      sending,
    );
    const taken = await site.mirror(
      ['import', '--data', there.data, site.archive, ...by(there.list)],
      hasty(),
    );
    const installing = ['--store', there.store, '--state', there.state, '--jobs', '1'];
    const install = () =>
      runMainWith(hasty(), ['install', site.archive, ...installing, ...by(`${there.list}-2`)]);
    for (const { status, stderr } of [sent, taken, await install()]) {
      assert.equal(status, 0, stderr);
      assert.match(stderr, /^copied \S+ k?B of \d+ kB \(\d+ %\), \S+ \S+\/s/m);
    }
    // What lies in a store is read before anything is copied.
    assert.match((await install()).stderr, /^hashed \S+ k?B of 160 kB \(\d+ %\), \S+ \S+\/s/m);
  });
});
