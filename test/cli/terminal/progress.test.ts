import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  barLines,
  Meter,
  type ProgressKind,
  plainLine,
  resolveProgress,
  showProgress,
} from '../../../cli/terminal/index.ts';
import { FakeIo, type FakeIoOptions } from '../../fixtures/fake-io.ts';
import { screenOf } from '../../fixtures/screen-of.ts';

const MB = 1_000_000;
const digest = (first: string) => `sha256:${first.padEnd(64, '0')}`;

/** A run over 1 GB whose two threads are at two blobs. */
function running() {
  const progress = {
    done: 0,
    blobs: 3,
    bytes: 1000 * MB,
    bytesDone: (): number => progress.done,
    activities: () => [
      { label: digest('aaaa'), bytes: 300 * MB, total: 600 * MB },
      { label: digest('bbbb'), bytes: 100 * MB, total: 200 * MB },
    ],
  };
  return progress;
}

const onTerminal = (options: FakeIoOptions = {}) =>
  new FakeIo({ ...options, stderr: { terminal: true, columns: 100, ...options.stderr } });

describe('the kind of progress', () => {
  const kinds: [string, FakeIoOptions, 'auto' | ProgressKind, boolean, ProgressKind][] = [
    ['auto on a terminal', { stderr: { terminal: true } }, 'auto', false, 'bar'],
    ['auto elsewhere', {}, 'auto', false, 'plain'],
    ['auto in CI', { stderr: { terminal: true }, environment: { CI: 'true' } }, 'auto', false, 'plain'],
    [
      'auto on a dumb terminal',
      { stderr: { terminal: true }, environment: { TERM: 'dumb' } },
      'auto',
      false,
      'plain',
    ],
    [
      'bar on a terminal in CI',
      { stderr: { terminal: true }, environment: { CI: '1' } },
      'bar',
      false,
      'bar',
    ],
    ['bar elsewhere', {}, 'bar', false, 'plain'],
    [
      'bar on a dumb terminal',
      { stderr: { terminal: true }, environment: { TERM: 'dumb' } },
      'bar',
      false,
      'plain',
    ],
    ['plain on a terminal', { stderr: { terminal: true } }, 'plain', false, 'plain'],
    ['none', { stderr: { terminal: true } }, 'none', false, 'none'],
    ['auto with --quiet', { stderr: { terminal: true } }, 'auto', true, 'none'],
    ['bar with --quiet', { stderr: { terminal: true } }, 'bar', true, 'none'],
  ];
  for (const [name, options, asked, quiet, expected] of kinds) {
    test(`for ${name} is ${expected}`, () => {
      assert.equal(resolveProgress(asked, quiet, new FakeIo(options)), expected);
    });
  }
});

describe('a bar', () => {
  test('shows the whole run with rate and time left, and every blob that is being hashed', () => {
    const io = onTerminal();
    const progress = running();
    showProgress('bar', progress, io);
    progress.done = 400 * MB;
    io.pass(2000);
    assert.deepEqual(screenOf(io.stderr.text), [
      '[#########---------------] hashed 400 MB of 1.0 GB (40 %), 200 MB/s, 3 s left',
      '  aaaa00000000 [############------------] 300 MB of 600 MB',
      '  bbbb00000000 [############------------] 100 MB of 200 MB',
    ]);
  });

  test('is drawn over the one before, ten times a second', () => {
    const io = onTerminal();
    const progress = running();
    showProgress('bar', progress, io);
    for (let i = 1; i <= 10; i += 1) {
      progress.done += 10 * MB;
      io.pass(100);
      assert.equal(screenOf(io.stderr.text).length, 3);
    }
    assert.equal(io.stderr.text.match(/\(10 %\)/g)?.length, 1);
  });

  test('leaves nothing behind, and stops', () => {
    const io = onTerminal();
    const stop = showProgress('bar', running(), io);
    io.pass(1000);
    stop();
    assert.deepEqual(screenOf(io.stderr.text), []);
    assert.equal(io.running, 0);
  });

  test('never wraps and never scrolls: lines end before the last column, the picture before the last row', () => {
    const status = { bytesDone: 99 * MB, bytes: 99_900 * MB, rate: 99_900_000, secondsLeft: 3599 };
    const many = { ...running(), activities: () => Array.from({ length: 32 }, running().activities).flat() };
    for (const columns of [1, 5, 20, 40, 66, 79, 80, 81, 200]) {
      for (const rows of [1, 2, 5, 24]) {
        const lines = barLines(status, many, { columns, rows });
        assert.ok(
          lines.every((line) => line.length < Math.max(2, columns)),
          `${columns} columns`,
        );
        assert.ok(lines.length <= Math.max(1, rows - 1), `${rows} rows`);
      }
    }
  });

  test('of 80 columns still shows the time left', () => {
    const status = { bytesDone: 99_900 * MB, bytes: 99_900 * MB, rate: 99_900_000, secondsLeft: 3599 };
    const [line] = barLines(status, running(), { columns: 80, rows: 24 });
    assert.equal(line, '[##############] hashed 99.9 GB of 99.9 GB (100 %), 99.9 MB/s, 59 min 59 s left');
  });
});

describe('plain lines', () => {
  test('come every five seconds, one a line, without escape sequences', () => {
    const io = new FakeIo();
    const progress = running();
    const stop = showProgress('plain', progress, io);
    io.pass(4999);
    assert.equal(io.stderr.text, '');
    progress.done = 100 * MB;
    io.pass(1);
    progress.done = 600 * MB;
    io.pass(5000);
    assert.deepEqual(io.stderr.lines, [
      'hashed 100 MB of 1.0 GB (10 %), 20.0 MB/s, 45 s left',
      'hashed 600 MB of 1.0 GB (60 %), 100 MB/s, 4 s left',
    ]);
    stop();
    io.pass(60_000);
    assert.equal(io.stderr.lines.length, 2);
    assert.equal(io.running, 0);
  });

  test('say hours, minutes and seconds, and no time where the rate is not known', () => {
    const at = (secondsLeft: number | null) =>
      plainLine({ bytesDone: 0, bytes: 1, rate: 0, secondsLeft }).split(', ')[2];
    assert.equal(at(null), undefined);
    assert.equal(at(59), '59 s left');
    assert.equal(at(60), '1 min 0 s left');
    assert.equal(at(3600), '1 h 0 min left');
    assert.equal(at(90_061), '25 h 1 min left');
  });
});

describe('nothing is shown', () => {
  for (const [name, kind, bytes] of [
    ['for none', 'none', 1000],
    ['where there is nothing to hash', 'bar', 0],
    ['where there is nothing to hash, plain', 'plain', 0],
  ] as const) {
    test(name, () => {
      const io = onTerminal();
      const stop = showProgress(kind, { ...running(), bytes }, io);
      io.pass(60_000);
      stop();
      assert.deepEqual([io.stderr.text, io.running], ['', 0]);
    });
  }
});

describe('the meter', () => {
  test('measures the last five seconds', () => {
    const io = new FakeIo();
    const progress = running();
    const meter = new Meter(progress, io.monotonic);
    const rates: number[] = [];
    for (let second = 1; second <= 20; second += 1) {
      progress.done += second <= 10 ? 10 * MB : 20 * MB;
      io.pass(1000);
      rates.push(meter.status().rate);
    }
    assert.equal(rates[9], 10 * MB);
    assert.equal(rates[19], 20 * MB);
  });

  test('knows no rate before time has passed, and never says more than all', () => {
    const io = new FakeIo();
    const progress = running();
    const meter = new Meter(progress, io.monotonic);
    assert.deepEqual(meter.status(), { bytesDone: 0, bytes: 1000 * MB, rate: 0, secondsLeft: null });
    progress.done = 1500 * MB;
    io.pass(1000);
    assert.deepEqual(meter.status(), {
      bytesDone: 1000 * MB,
      bytes: 1000 * MB,
      rate: 1000 * MB,
      secondsLeft: 0,
    });
  });
});
