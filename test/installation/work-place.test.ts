import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { WorkPlace } from '../../src/installation/index.ts';

let folder = '';
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const effects = { now: () => new Date(0), pid: process.pid, uid: process.getuid?.(), every: () => () => {} };

for (const part of ['partial', 'quarantine', 'blobs'])
  test(`a place of work in which ${part} is a link is not used: nothing is written where it leads`, () => {
    const [store, elsewhere] = [join(folder, 'models'), join(folder, 'elsewhere')];
    for (const path of [store, elsewhere]) mkdirSync(path);
    const places = [`${store}.verify-models`, join(store, '.verify-models')];
    for (const place of places) {
      mkdirSync(place, { mode: 0o700 });
      symlinkSync(elsewhere, join(place, part));
    }
    assert.throws(() => WorkPlace.open(store, effects), {
      code: 'REPAIR_REFUSED',
      message: new RegExp(`${part} in it is a link`),
    });
    assert.deepEqual(readdirSync(elsewhere), []);
  });
