import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FailureMemory } from '../../src/admission/failure-memory.ts';

describe('the memory of failures', () => {
  const memory = (clock = { ms: 0 }) => new FailureMemory<string>(1000, 30_000, () => new Date(clock.ms));

  test('knows a question by all that its answer depends on, and nobody hears what came of another one', () => {
    const kept = memory();
    kept.keep('observed host/ns/Model:Tag', 'it cannot be had');
    assert.deepEqual(kept.recall('observed host/ns/Model:Tag'), { what: 'it cannot be had', seconds: 30 });
    assert.equal(kept.recall('observed host/ns/model:tag'), undefined);
  });

  test('forgets when the time is over, and when the clock is set back', () => {
    const clock = { ms: 1_000_000 };
    const kept = memory(clock);
    for (const passed of [30_000, -1]) {
      kept.keep('host/ns/model:tag', 'no');
      clock.ms += passed;
      assert.equal(kept.recall('host/ns/model:tag'), undefined);
    }
  });

  test('holds a thousand names, however many fail', () => {
    const kept = memory();
    for (let at = 0; at < 100_000; at += 1) kept.keep(`host/ns/model-${at}:tag`, 'no');
    assert.equal(kept.size, 1000);
    assert.ok(kept.recall('host/ns/model-99999:tag'));
  });
});
