import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../../src/observe/index.ts';

test('what happened is counted, and what is asked for is read when somebody looks', async () => {
  let held = 1;
  const metrics = new Metrics({
    held: () => held,
    models: async () => 2,
    blobs: async () => 9,
    bytes: async () => 12345,
  });
  metrics.request('blob', 206, 100, 30);
  metrics.request('blob', 200, 50, 3);
  metrics.request('manifest', 403, 10, 1);
  metrics.admitted(777);
  metrics.failed();
  held = 4;
  const lines = (await metrics.text()).split('\n');
  for (const line of [
    'model_mirror_requests_total{kind="blob",status="2xx"} 2',
    'model_mirror_requests_total{kind="manifest",status="4xx"} 1',
    'model_mirror_sent_bytes_total 160',
    'model_mirror_request_duration_seconds_count{kind="blob"} 2',
    'model_mirror_admissions_total{outcome="admitted"} 1',
    'model_mirror_admissions_total{outcome="failed"} 1',
    'model_mirror_admitted_bytes_total 777',
    'model_mirror_held_requests 4',
    'model_mirror_models 2',
    'model_mirror_blobs 9',
    'model_mirror_blob_bytes 12345',
  ])
    assert.ok(lines.includes(line), line);
});
