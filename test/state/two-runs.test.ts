import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

const path = mkdtempSync(join(tmpdir(), 'vm-'));
after(() => rmSync(path, { recursive: true, force: true }));

const product = JSON.stringify(new URL('../../src/state/index.ts', import.meta.url).href);

/** A process that counts up a file of the state this often, and tries again whenever it is locked. */
function counting(times: number): Promise<unknown[]> {
  const program = `
    import { StateDirectory } from ${product};
    const uid = process.getuid?.();
    const state = StateDirectory.open(${JSON.stringify(path)}, { now: () => new Date(), uid, pid: process.pid });
    for (let done = 0; done < ${times}; ) {
      try {
        state.update('count', (before) => String(Number(before ?? 0) + 1).padEnd(2000));
        done += 1;
      } catch (error) {
        if (error.code !== 'STATE_LOCKED') throw error;
      }
      // Read once: between two readings another process may write the first count.
      const seen = state.read('count');
      if (seen !== undefined && seen.length !== 2000) process.exit(3);
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  return once(child, 'exit');
}

describe('several runs at once', () => {
  test('lose no update, and never see half of a file', async () => {
    const ends = await Promise.all(Array.from({ length: 4 }, () => counting(40)));
    assert.deepEqual(ends, Array(4).fill([0, null]));
    assert.equal(Number(readFileSync(join(path, 'count'), 'utf8')), 160);
    assert.deepEqual(readdirSync(path), ['count']);
  });
});
