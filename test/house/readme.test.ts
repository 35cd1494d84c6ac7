import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSource, top } from './sources.ts';

/** What differs from run to run: the directory and the time. */
const settled = (text: string): string =>
  text.replace(/\S*verify-models-demo-\w{6}/g, 'DEMO').replace(/hashed in \d+\.\d s/g, 'hashed in N s');

test('the recording in the README is what the demo prints, and the demo finds every line as expected', () => {
  const { stdout, status } = spawnSync(process.execPath, [join('test', 'demo', 'demo.ts')], {
    cwd: top,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout);
  const recording = /```text\n([\s\S]*?)\n```/.exec(readSource('README.md'))?.[1] ?? '';
  assert.ok(recording.startsWith('1. Is every model'));
  assert.ok(settled(stdout).includes(settled(recording)), settled(stdout));
});
