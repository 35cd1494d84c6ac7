import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import type { ReadStream } from 'node:tty';
import { askSecret } from '../../../cli/terminal/ask-secret.ts';
import { FakeSink } from '../../fixtures/fake-io.ts';

/** The keyboard of a terminal, which notes its modes. */
function keyboard(isTTY = true) {
  const modes: boolean[] = [];
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    setRawMode(mode: boolean) {
      modes.push(mode);
      return stream;
    },
  });
  return { stream: stream as PassThrough & ReadStream, modes };
}

/** What is got when these chunks are typed. */
async function typed(...chunks: readonly (string | Buffer)[]) {
  const { stream, modes } = keyboard();
  const output = new FakeSink({ terminal: true });
  const interrupt = new AbortController();
  const asked = askSecret('secret: ', stream, output, interrupt);
  for (const chunk of chunks) stream.write(chunk);
  return { got: await asked, shown: output.text, modes, interrupt, stream };
}

describe('a secret', () => {
  test('is what is typed up to Enter, and none of it is shown', async () => {
    const { got, shown, modes } = await typed('pass', 'word\r', 'more');
    assert.equal(got, 'password');
    assert.equal(shown, 'secret: \n');
    assert.deepEqual(modes, [true, false]);
  });

  for (const [name, chunks, expected] of [
    ['may be empty', ['\r'], ''],
    ['ends with a line feed too', ['a\n'], 'a'],
    ['ends with Ctrl-D', ['a\u0004'], 'a'],
    ['has what was erased taken out, a character at a time', ['ab\u007fc😀\bd\r'], 'acd'],
    ['erased beyond its beginning is empty', ['a\u007f\u007f\u007f\r'], ''],
    ['may have its characters cut between two reads', [Buffer.from([0xc3]), Buffer.from([0xa4]), '\r'], 'ä'],
    ['has spaces where they were typed', [' a b \r'], ' a b '],
  ] as const)
    test(name, async () => assert.equal((await typed(...chunks)).got, expected));

  test('is given up with Ctrl-C, which interrupts the run and gives the terminal back', async () => {
    const { got, interrupt, modes } = await typed('half\u0003\r');
    assert.equal(got, undefined);
    assert.deepEqual([interrupt.signal.aborted, interrupt.signal.reason], [true, 130]);
    assert.deepEqual(modes, [true, false]);
  });

  test('is given up when the run is interrupted from outside, before or while it is asked', async () => {
    for (const before of [true, false]) {
      const { stream, modes } = keyboard();
      const interrupt = new AbortController();
      if (before) interrupt.abort(143);
      const asked = askSecret('secret: ', stream, new FakeSink(), interrupt);
      interrupt.abort(143);
      assert.equal(await asked, undefined);
      assert.deepEqual(modes, [true, false]);
    }
  });

  test('is given up when the terminal goes away', async () => {
    const { stream, modes } = keyboard();
    const asked = askSecret('secret: ', stream, new FakeSink(), new AbortController());
    stream.write('half');
    stream.end();
    assert.equal(await asked, undefined);
    assert.deepEqual(modes, [true, false]);
  });

  test('is not asked for where there is no terminal', async () => {
    const { stream, modes } = keyboard(false);
    const output = new FakeSink();
    assert.equal(await askSecret('secret: ', stream, output, new AbortController()), undefined);
    assert.deepEqual([output.text, modes], ['', []]);
  });

  test('leaves no listener behind', async () => {
    const { stream } = await typed('a\r');
    const listeners = ['data', 'end', 'close', 'error'].map((event) => stream.listenerCount(event));
    const fresh = keyboard().stream;
    assert.deepEqual(
      listeners,
      ['data', 'end', 'close', 'error'].map((event) => fresh.listenerCount(event)),
    );
  });
});
