import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { median, runInRounds } from './rounds.ts';

const files = new ScratchFiles();
after(() => files.remove());

test('the median is the middle, whatever the order, and the mean of the two in the middle', () => {
  assert.equal(median([3, 1, 100]), 3);
  assert.equal(median([4, 1, 100, 2]), 3);
  assert.equal(median([7]), 7);
  assert.throws(() => median([]), { message: 'nothing was measured' });
});

test('programs run in turn, and every round is prepared', async () => {
  const log = files.write(Buffer.alloc(0));
  const writing = (name: string) => ({
    name,
    command: 'sh',
    args: ['-c', 'printf %s "$1" >>"$2"', 'sh', name, log],
  });
  const programs = ['A', 'B', 'C'].map(writing);
  const prepare = () => appendFileSync(log, '.');
  const measured = await runInRounds(programs, 2, prepare, new AbortController().signal);
  assert.equal(readFileSync(log, 'utf8'), '.ABC.ABC');
  assert.deepEqual(
    measured.map(({ name }) => name),
    ['A', 'B', 'C'],
  );
});

test('an interrupt ends the rounds before the next program', async () => {
  const interrupt = new AbortController();
  const log = files.write(Buffer.alloc(0));
  const programs = [{ name: 'touch', command: 'sh', args: ['-c', 'printf x >>"$1"', 'sh', log] }];
  const prepare = () => {
    if (readFileSync(log, 'utf8') === 'xx') interrupt.abort();
  };
  await assert.rejects(runInRounds(programs, 9, prepare, interrupt.signal), { name: 'AbortError' });
  assert.equal(readFileSync(log, 'utf8'), 'xx');
});
