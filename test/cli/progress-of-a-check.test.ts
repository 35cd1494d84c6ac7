import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { unprintable } from '../../src/findings/index.ts';
import type { FakeIo } from '../fixtures/fake-io.ts';
import { runMain } from '../fixtures/run-main.ts';
import { addSampleModel, writeBlob } from '../fixtures/sample-store.ts';
import { screenOf } from '../fixtures/screen-of.ts';

let folder: string;
let store: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  store = join(folder, 'models');
  addSampleModel(store);
  writeBlob(store, Buffer.alloc(3_000_000, 1));
  writeBlob(store, Buffer.alloc(2_000_000, 2));
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** Time passes once the threads have their first blobs: they need turns of the event loop to answer, this needs one. */
const letPass = (ms: number) => (io: FakeIo) => void setImmediate(() => io.pass(ms));

const terminal = { terminal: true, columns: 100 };

describe('while a check hashes', () => {
  test('a terminal sees total, rate and several blobs, and nothing is left of it at the end', async () => {
    const pictures: string[][] = [];
    let seen = '';
    const run = await runMain(['--store', store, '--jobs', '2'], {
      onTimer: letPass(300),
      stderr: {
        ...terminal,
        onText: (text) => {
          seen += text;
          pictures.push(screenOf(seen));
        },
      },
    });
    assert.equal(run.status, 0);
    const [first] = pictures;
    assert.match(first?.[0] ?? '', /^\[[#-]{24}\] hashed [\d.]+ \w+ of 5\.0 MB \(\d+ %\), [\d.]+ \w+\/s/);
    assert.equal(first?.length, 3);
    assert.match(first?.[1] ?? '', /^ {2}[0-9a-f]{12} \[[#-]{24}\] [\d.]+ \w+ of 3\.0 MB$/);
    assert.match(first?.[2] ?? '', /^ {2}[0-9a-f]{12} \[[#-]{24}\] [\d.]+ \w+ of 2\.0 MB$/);
    assert.deepEqual(screenOf(run.stderr), []);
    assert.equal(run.io.running, 0);
  });

  test('a pipe sees one plain line every five seconds', async () => {
    const { status, stderr } = await runMain(['--store', store], { onTimer: letPass(11_000) });
    assert.equal(status, 0);
    assert.match(stderr, /^(?:hashed [\d.]+ \w+ of 5\.0 MB \(\d+ %\), [\d.]+ \w+\/s.*\n){2}$/);
  });

  for (const [name, words, environment, isTerminal] of [
    ['on a non-terminal', [], {}, false],
    ['on a non-terminal, although a bar was asked for', ['--progress', 'bar'], {}, false],
    ['in CI', [], { CI: 'true' }, true],
    ['on a dumb terminal', [], { TERM: 'dumb' }, true],
    ['on a dumb terminal, although a bar was asked for', ['--progress', 'bar'], { TERM: 'dumb' }, true],
    ['with --progress plain', ['--progress', 'plain'], {}, true],
    ['with --progress none', ['--progress', 'none'], {}, true],
    ['with --quiet', ['--quiet'], {}, true],
  ] as const) {
    test(`nothing moves ${name}`, async () => {
      const { status, stderr } = await runMain(['--store', store, ...words], {
        onTimer: letPass(6000),
        environment,
        stderr: { terminal: isTerminal },
      });
      assert.equal(status, 0);
      assert.doesNotMatch(stderr.replaceAll('\n', ''), unprintable);
    });
  }

  test('no bar draws over the events that scroll on the same screen', async () => {
    const words = ['--store', store, '--format', 'jsonl'];
    const options = { onTimer: letPass(3000), stderr: terminal };
    const { stdout, stderr } = await runMain(words, { ...options, stdout: terminal });
    assert.equal(stderr, '');
    assert.ok(stdout.split('\n').filter((line) => line.startsWith('{"type":"status"')).length >= 4);
    assert.notEqual((await runMain(words, options)).stderr, '');
  });

  test('an error clears the bar before it is told', async () => {
    let timers = 0;
    const run = await runMain(['--store', store, '--report', `jsonl=${join(folder, 'events')}`], {
      stderr: terminal,
      onTimer: (io) => {
        timers += 1;
        if (timers === 2) throw new TypeError('the second timer broke');
        io.pass(300);
      },
    });
    assert.equal(run.status, 70);
    assert.ok(run.stderr.startsWith('[----'), run.stderr);
    assert.deepEqual(screenOf(run.stderr), [
      'verify-models: internal error: the second timer broke (INTERNAL)',
      'next: please report it, with the command you typed',
    ]);
  });
});
