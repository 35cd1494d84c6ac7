import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type CountedCheck, WatchMetrics } from '../../src/observe/index.ts';

const good: CountedCheck = {
  ...{ exitCode: 0, durationMs: 1500, hashedBytes: 10 },
  models: { ok: 1 },
  findings: new Map(),
};
const bad: CountedCheck = {
  ...good,
  exitCode: 1,
  models: { altered: 1 },
  findings: new Map([['blob-altered', 2]]),
};
const at = (seconds: number) => new Date(seconds * 1000);

suite('the metrics of watch', () => {
  test('count a check, and show nothing of the store by that alone', async () => {
    const metrics = new WatchMetrics();
    metrics.checked('change', bad, at(1000));
    metrics.found(bad);
    metrics.checked('full', good, at(2000));
    const text = await metrics.text();
    for (const line of [
      'verify_models_checks_total{kind="change",result="failed"} 1',
      'verify_models_checks_total{kind="full",result="ok"} 1',
      'verify_models_hashed_bytes_total 20',
      'verify_models_last_check_timestamp_seconds{kind="change"} 1000',
      'verify_models_last_success_timestamp_seconds{kind="full"} 2000',
      'verify_models_last_check_duration_seconds{kind="full"} 1.5',
      'verify_models_exit_code 1',
      'verify_models_models{status="altered"} 1',
      'verify_models_findings{rule="blob-altered"} 2',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
    }
    assert.doesNotMatch(text, /last_success\S*kind="change"/);
  });

  test('show what was found last, and no more', async () => {
    const metrics = new WatchMetrics();
    metrics.found(bad);
    metrics.found(good);
    const text = await metrics.text();
    assert.match(text, /^verify_models_exit_code 0$/m);
    assert.doesNotMatch(text, /="(?:blob-)?altered"/);
  });
});
