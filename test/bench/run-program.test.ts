import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childrenTime, isInstalled, measure, peakMemory } from './run-program.ts';

const node = (script: string) => ({ name: 'node', command: process.execPath, args: ['-e', script] });

test('processor time is read from what a shell prints, whichever shell it is', () => {
  assert.equal(childrenTime('0m0.000000s 0m0.000000s\n0m2.500000s 0m0.750000s\n'), 3.25);
  assert.equal(childrenTime('0m0.001s 0m0.002s\n1m2.500s 2m0.250s\n'), 182.75);
  assert.throws(() => childrenTime('user 0.1\n'), { message: 'not the output of times: "user 0.1\\n"' });
});

const busyScript = `
  const used = () => process.cpuUsage().user + process.cpuUsage().system;
  const end = used() + 300_000;
  while (used() < end);`;

test('the processor time of a program is counted, its waiting is not', async () => {
  const busy = await measure(node(busyScript));
  assert.ok(busy.processorSeconds >= 0.3, `${busy.processorSeconds}`);
  assert.ok(busy.seconds > 0);
  assert.ok(busy.otherWork >= 0 && busy.otherWork <= 1);
});

test('a program that fails ends the measuring', async () => {
  await assert.rejects(measure(node('process.exit(3)')), { message: 'node ended with 3' });
  await assert.rejects(peakMemory(node('process.exit(3)')), { message: 'node ended with 3' });
});

test('the most memory is seen, not the last', {
  skip: process.platform === 'linux' ? false : 'needs Linux: /proc',
}, async () => {
  const holds = 'let a = Buffer.alloc(200 << 20, 1); a = undefined; global.gc(); setTimeout(() => {}, 50);';
  const program = node(holds);
  const peak = await peakMemory({ ...program, args: ['--expose-gc', ...program.args] });
  assert.ok(peak !== undefined && peak >= 200 && peak < 400, `${peak} MiB`);
});

test('a program that is not there is known before it is run', () => {
  assert.equal(isInstalled(process.execPath), true);
  assert.equal(isInstalled('no-such-program-anywhere'), false);
});
