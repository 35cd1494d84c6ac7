import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { StateDirectory } from '../../src/state/index.ts';
import {
  type CheckOptions,
  checkStore,
  checkTime,
  failures,
  found,
  statuses,
} from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { type SampleModel, sampleLayers, writeBlob } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
let state: string;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel('registry.ollama.ai/library/sample:latest', [
    { kind: 'model', bytes: patternedBytes(20_000) },
    ...sampleLayers().slice(1),
  ]);
  state = store.beside('state');
});
afterEach(() => store.remove());

const openState = (): StateDirectory =>
  StateDirectory.open(state, { now: () => checkTime, uid: process.getuid?.(), pid: process.pid });

/** A run whose time is up before it begins. */
const limited = (options: CheckOptions = {}) =>
  checkStore(store.path, { openState, deadline: AbortSignal.abort(), ...options });

/** A run that has all the time it needs. */
const unhurried = (options: CheckOptions = {}) =>
  limited({ deadline: new AbortController().signal, ...options });

const proofs = ({ blobs }: Awaited<ReturnType<typeof limited>>): string[] =>
  [...blobs].map(({ proof }) => proof);

describe('a run that is limited in time', () => {
  test('always gets on: one blob at least, even if the time is up at the start', async () => {
    for (let run = 0; run < 6; run += 1) {
      const report = await limited();
      assert.deepEqual(
        proofs(report).map((proof) => (proof === 'whole' ? 1 : 0)),
        [0, 1, 2, 3, 4, 5].map((at) => (at === run ? 1 : 0)),
      );
      assert.deepEqual(
        [report.partial, report.exitCode, statuses(report)],
        [true, 0, { 'sample:latest': 'unchecked' }],
      );
      const why = ['the time was up; the next run continues', 'continued where the last limited run stopped'];
      const reasons = run === 0 ? why.slice(0, 1) : run === 5 ? why.slice(1) : [why[1], why[0]];
      assert.equal(
        report.findings[0]?.message,
        `partial: ${reasons.join(', ')}; 5 of 6 blobs were not hashed`,
      );
    }
    assert.deepEqual(readdirSync(state), [], 'the pass is complete: nothing is left to remember');
    assert.equal(proofs(await limited())[0], 'whole', 'and the next one begins with the biggest');
  });

  test('on several threads covers the whole store in its passes, each time', async () => {
    for (let n = 0; n < 30; n += 1) writeBlob(store.path, patternedBytes(100 + n, n));
    for (const pass of [1, 2]) {
      const hashed = new Set<number>();
      for (let run = 0; run === 0 || readdirSync(state).length > 0; run += 1) {
        assert.ok(run < 36, 'every run gets on');
        for (const [at, proof] of proofs(await limited({ jobs: 3 })).entries())
          if (proof === 'whole') hashed.add(at);
      }
      assert.equal(hashed.size, 36, `pass ${pass}`);
    }
  });

  test('finds a damage when its turn comes', async () => {
    flipBit(sample.blob('license'), 0, 0);
    const runs = [];
    for (let run = 0; run < 6; run += 1) runs.push(await limited());
    assert.deepEqual(runs.flatMap(failures), ['blob-altered 1']);
    assert.equal(
      runs.reduce((bits, { exitCode }) => bits | exitCode, 0),
      1,
    );
  });

  test('that ends in time is a whole check, and remembers nothing', async () => {
    const report = await unhurried();
    assert.deepEqual(
      [found(report), report.partial, statuses(report)],
      [[], false, { 'sample:latest': 'ok' }],
    );
    assert.deepEqual(readdirSync(state), []);
  });

  test('goes on with all the time it needs where the last one stopped, and then begins again', async () => {
    await limited();
    const second = await unhurried();
    assert.deepEqual(proofs(second), ['none', ...Array(5).fill('whole')]);
    assert.equal(
      second.findings[0]?.message,
      'partial: continued where the last limited run stopped; 1 of 6 blobs were not hashed',
    );
    assert.deepEqual([(await unhurried()).partial, readdirSync(state)], [false, []]);
  });

  test('has a place of its own for each thing that is checked in parts', async () => {
    store.addModel('registry.ollama.ai/library/other:latest', [
      { kind: 'system', bytes: Buffer.from('other') },
    ]);
    await limited();
    await limited({ models: ['sample'] });
    await limited({ quick: true });
    await limited({ subset: { part: 1, of: 2 } });
    assert.equal(readdirSync(state).length, 4);
    assert.equal(proofs(await limited({ models: ['sample'] }))[1], 'whole');
  });

  test('leaves a store without a limit alone: a whole check begins at the beginning and opens no state', async () => {
    await limited();
    const report = await checkStore(store.path);
    assert.deepEqual([report.partial, report.summary.hashedBytes], [false, report.summary.bytes]);
    assert.equal(readdirSync(state).length, 1);
  });

  test('hashes what came to the store behind the place where it goes on, and the rest in the next pass', async () => {
    await limited();
    const small = writeBlob(store.path, Buffer.from('s'));
    const big = writeBlob(store.path, patternedBytes(50_000));
    const second = await unhurried();
    const hashed = new Map([...second.blobs].map(({ digest, proof }) => [digest, proof]));
    assert.deepEqual([hashed.get(small), hashed.get(big), second.partial], ['whole', 'none', true]);
    assert.equal((await unhurried()).partial, false);
  });
});

describe('a state that cannot be used', () => {
  const assertBeginsAgain = async (): Promise<void> => {
    for (const _ of [1, 2]) {
      const report = await limited();
      const told = report.findings.filter(({ rule }) => rule === 'state-unusable');
      assert.deepEqual(
        told.map(({ bit, severity }) => [bit, severity]),
        [[0, 'warning']],
      );
      assert.deepEqual([proofs(report)[0], report.exitCode], ['whole', 0]);
    }
  };

  test('is told, and each run begins at the same place', async () => {
    writeFileSync(state, 'a file where the directory should be');
    await assertBeginsAgain();
  });

  const garbage = [
    '',
    '{',
    '{}',
    '[]',
    'null',
    '{"schema":"urn:verify-models:cursor:v1","scope":"x","size":1,"digest":"x"}',
  ];
  for (const text of garbage) {
    test(`is told when the cursor is ${JSON.stringify(text)}`, async () => {
      await limited();
      const [name = ''] = readdirSync(state);
      writeFileSync(join(state, name), text);
      const report = await limited();
      const told = report.findings.filter(({ rule }) => rule === 'state-unusable');
      assert.equal(told.length, 1);
      assert.match(told[0]?.message ?? '', /it is no cursor of this check/);
      assert.equal(proofs(report)[0], 'whole');
    });
  }

  test('of another check under the same name is not followed', async () => {
    await limited();
    const [name = ''] = readdirSync(state);
    const path = join(state, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(store.path, '/another/store'));
    const report = await limited();
    assert.ok(report.findings.some(({ rule }) => rule === 'state-unusable'));
    assert.equal(proofs(report)[0], 'whole');
    assert.equal([...report.blobs][0]?.digest, sample.digest('model'));
  });
});
