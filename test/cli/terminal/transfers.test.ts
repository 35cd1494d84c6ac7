import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Transfers } from '../../../cli/terminal/index.ts';
import { FakeIo } from '../../fixtures/fake-io.ts';

const [one, two] = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}`) as [string, string];

describe('blobs that are being fetched, on the screen', () => {
  test('a line every five seconds where there is no terminal, and none before the first byte', () => {
    const io = new FakeIo();
    const transfers = new Transfers('plain', io);
    io.pass(60_000);
    assert.equal(io.stderr.text, '');
    transfers.arrived(one, 5_000_000, 20_000_000);
    transfers.arrived(two, 1_000_000, 1_000_000);
    io.pass(5000);
    transfers.arrived(one, 15_000_000, 20_000_000);
    io.pass(5000);
    assert.deepEqual(io.stderr.lines, [
      'fetched 6.0 MB of 21.0 MB (28 %), 200 kB/s, 1 min 15 s left',
      'fetched 16.0 MB of 21.0 MB (76 %), 2.0 MB/s, 3 s left',
    ]);
    transfers.pause();
    io.pass(60_000);
    assert.equal(io.stderr.lines.length, 2);
    assert.equal(io.running, 0);
  });

  test('a bar for each blob that is under way on a terminal, wiped before anything else is printed', () => {
    const io = new FakeIo({ stderr: { terminal: true, columns: 100 } });
    const transfers = new Transfers('bar', io);
    transfers.arrived(one, 5_000_000, 20_000_000);
    transfers.arrived(two, 1_000_000, 1_000_000);
    io.pass(100);
    assert.match(
      io.stderr.text,
      /\[#+-+\] fetched 6\.0 MB of 21\.0 MB \(28 %\)[^\n]*\n {2}aaaaaaaaaaaa \[#+-+\] 5\.0 MB of 20\.0 MB\n$/,
    );
    transfers.pause();
    assert.ok(io.stderr.text.endsWith('\u001b[2F\u001b[J'));
    assert.equal(io.running, 0);
  });
});
