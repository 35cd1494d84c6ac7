import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { outcomeOf } from '../../../cli/commands/watch-outcome.ts';
import { checkStore } from '../../fixtures/check-store.ts';
import { inMemory, ScratchStore } from '../../fixtures/scratch-store.ts';

test('what a pass of watch found is counted whole, however few findings are listed', async () => {
  const store = new ScratchStore(inMemory());
  try {
    store.addModel();
    for (let number = 0; number < 1002; number += 1)
      writeFileSync(store.at('blobs', `sha256-${number.toString(16).padStart(64, '0')}`), 'x');
    const { bad, check } = outcomeOf('full', await checkStore(store.path));
    assert.deepEqual([bad.length, [...check.findings]], [1000, [['orphan-altered', 1002]]]);
  } finally {
    store.remove();
  }
});
