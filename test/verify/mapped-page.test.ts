import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { HashingProgress } from '../../src/verify/index.ts';
import { checkStore, failures, statuses } from '../fixtures/check-store.ts';
import { MappedWriter, noMapping, onDisk } from '../fixtures/mapped-writer.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { type SampleModel, sampleLayers } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';
import { until } from '../fixtures/until.ts';

const skip = noMapping();

describe('a page that another process has mapped', { skip, timeout: 30_000 }, () => {
  let store: ScratchStore;
  let sample: SampleModel;
  let writer: MappedWriter;
  beforeEach(async () => {
    store = new ScratchStore(onDisk());
    sample = store.addModel('registry.ollama.ai/library/sample:latest', [
      { kind: 'model', bytes: patternedBytes(2 * 1024 * 1024) },
      ...sampleLayers().slice(1),
    ]);
    writer = await MappedWriter.start(sample.blob('model'));
  });
  afterEach(async () => {
    await writer.end();
    store.remove();
  });

  const times = () => {
    const { mtimeNs, ctimeNs } = statSync(sample.blob('model'), { bigint: true });
    return { mtimeNs, ctimeNs };
  };

  /** Dirties the page and leaves the bytes as they were: from now on a write to it moves no time until it is flushed. */
  const dirty = async (at: number): Promise<void> => {
    await writer.flip(at);
    await writer.flip(at);
  };

  test('and dirtied after the last stat, its times unmoved, is altered', async (t) => {
    await dirty(5000);
    const before = times();
    await writer.flip(5000);
    if (times().ctimeNs !== before.ctimeNs)
      return t.skip('needs a file system that moves no time at such a write');
    const report = await checkStore(store.path);
    assert.deepEqual(failures(report), ['blob-altered 1']);
    assert.equal(report.findings[0]?.path, blobName(sample.digest('model')));
    assert.deepEqual(statuses(report), { 'sample:latest': 'altered' });
  });

  test('and dirtied once more after it was read does not slip through: the flush before made that show', async () => {
    // The page is dirty when the check begins, and is in the first of four reads; the rate leaves time for the rest.
    await dirty(5000);
    let progress: HashingProgress | undefined;
    const hashing = (now: HashingProgress) => {
      progress = now;
    };
    const run = checkStore(store.path, { maxRate: 1024 * 1024, observer: { hashing } });
    await until(() => (progress?.bytesDone() ?? 0) > 0);
    await writer.flip(5000);
    const report = await run;
    assert.deepEqual(failures(report), ['blob-changed 4']);
    assert.match(
      report.findings[0]?.message ?? '',
      /changed while it was read: its [mc]timeNs moved while it was read/,
    );
    assert.deepEqual([report.exitCode, statuses(report)], [4, { 'sample:latest': 'unchecked' }]);
  });

  test('and dirtied without any change of its bytes is never called altered', async () => {
    await dirty(5000);
    const report = await checkStore(store.path);
    // A file system that moves a time with the flush makes it a change, and that is all it can be.
    assert.ok(['', 'blob-changed 4'].includes(failures(report).join()), failures(report).join());
  });
});
