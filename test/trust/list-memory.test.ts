import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { parseDigest } from '../../src/oci/index.ts';
import { StateDirectory } from '../../src/state/index.ts';
import {
  acceptClock,
  type ListMemory,
  readListMemory,
  writeListMemory,
} from '../../src/trust/list-memory.ts';
import type { TrustRoot } from '../../src/trust/trust-root.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { now } from '../fixtures/signed-list.ts';

const digestOf = (number: number) => parseDigest(`sha256:${number.toString(16).padStart(64, '0')}`);
const memory = (listVersion: number, changes: Partial<ListMemory> = {}): ListMemory => ({
  ...{ listId: 'site', listVersion, listDigest: digestOf(listVersion) },
  ...{ trustVersion: 0, trustDigest: undefined, lastTime: now },
  ...changes,
});

const root: TrustRoot = 'policy';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (pid = process.pid) =>
  StateDirectory.open(folder, { now: () => now, uid: process.getuid?.(), pid });
const onlyFile = (): string => {
  const [name, ...others] = readdirSync(folder);
  assert.deepEqual(others, []);
  return join(folder, name ?? '');
};

describe('what a host remembers of a list', () => {
  test('is nothing at first, and what was written afterwards, also by another object', () => {
    assert.equal(readListMemory(open(), root, 'site'), undefined);
    const written = memory(3, { trustVersion: 2, trustDigest: digestOf(9) });
    writeListMemory(open(), root, written, undefined);
    assert.deepEqual(readListMemory(open(), root, 'site'), written);
  });

  test('is told apart by the list id, whatever characters it has', () => {
    const ids = ['site', 'Site', 'a/../../b', 'a'.repeat(128)];
    for (const [at, listId] of ids.entries())
      writeListMemory(open(), root, memory(at + 1, { listId }), undefined);
    assert.deepEqual(
      ids.map((listId) => readListMemory(open(), root, listId)?.listVersion),
      [1, 2, 3, 4],
    );
    assert.equal(readdirSync(folder).length, 4);
  });

  test('may go down only from what the run itself has read: a rotation lowers it', () => {
    writeListMemory(open(), root, memory(900), undefined);
    const recalled = readListMemory(open(), root, 'site');
    writeListMemory(open(), root, memory(3), recalled);
    assert.equal(readListMemory(open(), root, 'site')?.listVersion, 3);
  });

  test('keeps the maximum of each part when another run wrote in between', () => {
    const before = readListMemory(open(), root, 'site');
    const newer = memory(7, { lastTime: new Date('2026-11-23T13:00:00Z') });
    writeListMemory(open(), root, newer, before);
    const late = memory(5, { trustVersion: 2, trustDigest: digestOf(2) });
    writeListMemory(open(), root, late, before);
    assert.deepEqual(readListMemory(open(), root, 'site'), {
      ...newer,
      trustVersion: 2,
      trustDigest: digestOf(2),
    });
  });

  test('is the maximum, whatever the order of runs that started together', () => {
    const versions = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 });
    const property = fc.property(versions, (list) => {
      rmSync(folder, { recursive: true });
      for (const version of list) {
        const lastTime = new Date(now.getTime() + ((version * 7) % 11) * 1000);
        const trust = { trustVersion: 51 - version, trustDigest: digestOf(51 - version) };
        writeListMemory(open(), root, memory(version, { lastTime, ...trust }), undefined);
      }
      const highest = Math.max(...list);
      const lowest = Math.min(...list);
      const latest = Math.max(...list.map((version) => (version * 7) % 11));
      assert.deepEqual(readListMemory(open(), root, 'site'), {
        ...memory(highest, { lastTime: new Date(now.getTime() + latest * 1000) }),
        ...{ trustVersion: 51 - lowest, trustDigest: digestOf(51 - lowest) },
      });
    });
    fc.assert(property, { numRuns: 40 });
  });

  test('is the maximum when four processes write at once', async () => {
    const source = (name: string) => JSON.stringify(new URL(`../../src/${name}`, import.meta.url).href);
    const program = `
      import { StateDirectory } from ${source('state/index.ts')};
      import { writeListMemory } from ${source('trust/list-memory.ts')};
      const [folder, first] = process.argv.slice(1);
      const state = StateDirectory.open(folder, { now: () => new Date(), uid: process.getuid?.(), pid: process.pid });
      for (let version = Number(first); version <= 100; version += 4) {
        const memory = { listId: 'site', listVersion: version, listDigest: 'sha256:' + version.toString(16).padStart(64, '0'),
          trustVersion: 0, trustDigest: undefined, lastTime: new Date(${now.getTime()}) };
        for (;;) {
          try { writeListMemory(state, 'policy', memory, undefined); break; }
          catch (error) { if (error.code !== 'STATE_LOCKED') throw error; }
        }
      }`;
    const runs = [1, 2, 3, 4].map((first) =>
      spawn(process.execPath, ['--input-type=module', '-e', program, folder, `${first}`], {
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    );
    const ends = await Promise.all(runs.map(async (run) => (await once(run, 'exit'))[0] as unknown));
    assert.deepEqual(ends, [0, 0, 0, 0]);
    assert.deepEqual(readListMemory(open(), root, 'site'), memory(100));
    onlyFile();
  });
});

describe('a memory that is damaged', () => {
  const text = () => {
    writeListMemory(open(), root, memory(3), undefined);
    return readFileSync(onlyFile(), 'utf8');
  };
  const spoil: Record<string, (sound: string) => string> = {
    'is empty': () => '',
    'is cut off': (sound) => sound.slice(0, -10),
    'is that of another list': (sound) => sound.replace('"site"', '"other"'),
    'has another schema': (sound) => sound.replace('memory:v2', 'memory:v3'),
    'is that of another root of trust': (sound) => sound.replace('"policy"', `"key:${'0'.repeat(64)}"`),
    'has a policy without its digest': (sound) => sound.replace('"trustVersion":0', '"trustVersion":2'),
    'has a field that nobody knows': (sound) => sound.replace('{', '{"more":1,'),
    'has a field twice': (sound) => sound.replace('{', '{"listVersion":1,'),
    'has a version below zero': (sound) => sound.replace(':3,', ':-3,'),
    'has a version that is no integer': (sound) => sound.replace(':3,', ':3.0,'),
    'has a digest that is none': (sound) => sound.replace('sha256:', 'sha1:'),
    'has a time that is none': (sound) => sound.replace('2026-11-23', '2026-02-30'),
    'is a list': () => '[]',
  };
  for (const [name, change] of Object.entries(spoil)) {
    test(`${name}: it is told, and nothing is overwritten`, () => {
      const damaged = change(text());
      writeFileSync(onlyFile(), damaged);
      for (const use of [
        () => readListMemory(open(), root, 'site'),
        () => writeListMemory(open(), root, memory(4), undefined),
        () => acceptClock(open(), 'site', now),
      ]) {
        assert.throws(use, refusedWith('STATE_DAMAGED', 'no memory of this list'));
      }
      assert.equal(readFileSync(onlyFile(), 'utf8'), damaged);
    });
  }
});

describe('the clock', () => {
  test('is accepted as it is now, and all else stays', () => {
    writeListMemory(open(), root, memory(3), undefined);
    const back = new Date('2026-01-01T00:00:00Z');
    assert.equal(acceptClock(open(), 'site', back), true);
    assert.deepEqual(readListMemory(open(), root, 'site'), memory(3, { lastTime: back }));
  });

  test('of a list that was never seen is none to accept, and nothing is written', () => {
    assert.equal(acceptClock(open(), 'site', now), false);
    assert.deepEqual(readdirSync(folder), []);
  });
});
