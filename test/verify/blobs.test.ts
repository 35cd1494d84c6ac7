import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { RuleId } from '../../src/findings/index.ts';
import { checkStore, statuses } from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { asRoot, makeDevice, makeFifo, makeSocket, noDevice, noFifo } from '../fixtures/odd-files.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { type SampleModel, sampleLayers, sha256 } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel('registry.ollama.ai/library/sample:latest', [
    { kind: 'model', bytes: patternedBytes(20_000) },
    ...sampleLayers().slice(1),
  ]);
});
afterEach(() => store.remove());

const soundBut = (kind: string): string =>
  `intact: ${['config', 'weights', 'template', 'system', 'params', 'license'].filter((layer) => layer !== kind).join(', ')}`;

/** Exactly one finding, about one layer of the sample. */
async function assertOne(
  kind: string,
  expectation: {
    rule: RuleId;
    bit: number;
    status: string;
    says: string;
    hint?: string;
    expected?: string | undefined;
    actual?: string | undefined;
  },
): Promise<void> {
  const { rule, bit, status, says } = expectation;
  const layer = kind === 'model' ? 'weights' : kind;
  const report = await checkStore(store.path);
  assert.equal(report.findings.length, 1, JSON.stringify(report.findings));
  const [finding] = report.findings;
  assert.deepEqual(
    [
      finding?.rule,
      finding?.bit,
      finding?.severity,
      finding?.model,
      finding?.layer,
      finding?.digest,
      finding?.path,
    ],
    [rule, bit, 'error', sample.name, layer, sample.digest(kind), blobName(sample.digest(kind))],
  );
  const noun = layer === 'config' ? layer : `${layer} layer`;
  assert.equal(finding?.message, `the ${noun} of sample:latest${says}; ${soundBut(layer)}`);
  assert.equal(finding?.hint, expectation.hint ?? `rm ${sample.blob(kind)} && ollama pull sample:latest`);
  assert.deepEqual([finding?.expected, finding?.actual], [expectation.expected, expectation.actual]);
  assert.deepEqual([report.exitCode, statuses(report)], [bit, { 'sample:latest': status }]);
}

describe('a blob of one model', () => {
  for (const kind of ['model', 'template', 'system', 'params', 'license', 'config']) {
    test(`with one other bit in its ${kind} is altered`, async () => {
      const size = statSync(sample.blob(kind)).size;
      flipBit(sample.blob(kind), size - 1, 7);
      const actual = sha256(readFileSync(sample.blob(kind)));
      const says = ' is altered (two readings agree)';
      await assertOne(kind, {
        rule: 'blob-altered',
        bit: 1,
        status: 'altered',
        says,
        expected: sample.digest(kind),
        actual,
      });
    });
  }

  test('that is not there is missing', async () => {
    rmSync(sample.blob('params'));
    const hint = 'ollama pull sample:latest';
    await assertOne('params', {
      rule: 'blob-missing',
      bit: 8,
      status: 'missing',
      says: ' is missing',
      hint,
      expected: sample.digest('params'),
      actual: undefined,
    });
  });

  test('that is cut off has the wrong size, and is not hashed', async () => {
    truncateSync(sample.blob('model'), 19_000);
    await assertOne('model', {
      rule: 'blob-wrong-size',
      bit: 1,
      status: 'altered',
      says: ' has 19000 bytes, expected 20000: 1.0 kB too short',
      expected: '20000',
      actual: '19000',
    });
    const report = await checkStore(store.path);
    assert.deepEqual(
      [...report.blobs].map(({ proof }) => proof),
      ['size', ...Array(5).fill('whole')],
    );
    assert.equal(report.summary.bytes - report.summary.hashedBytes, 19_000);
  });

  test('that is too long has the wrong size', async () => {
    appendFileSync(sample.blob('model'), Buffer.alloc(7));
    await assertOne('model', {
      rule: 'blob-wrong-size',
      bit: 1,
      status: 'altered',
      says: ' has 20007 bytes, expected 20000: 7 B too long',
      expected: '20000',
      actual: '20007',
    });
  });

  test('that is empty is e3b0c442..., and not what it should be', async () => {
    truncateSync(sample.blob('system'), 0);
    const size = `${sampleLayers()[2]?.bytes.length}`;
    const says = ` is an empty file (the digest of nothing is e3b0c442...), expected ${size} bytes`;
    await assertOne('system', {
      rule: 'blob-empty',
      bit: 1,
      status: 'altered',
      says,
      expected: size,
      actual: '0',
    });
  });

  test('that is nothing but zeros was never written', async () => {
    writeFileSync(sample.blob('model'), Buffer.alloc(20_000));
    const says = ' has the right size and nothing but zeros in it (20.0 kB)';
    await assertOne('model', {
      rule: 'blob-zero-filled',
      bit: 1,
      status: 'altered',
      says,
      expected: sample.digest('model'),
      actual: sha256(Buffer.alloc(20_000)),
    });
  });

  test('with zeroed extents is altered, and they are located', async () => {
    const bytes = readFileSync(sample.blob('model')).fill(0, 4096, 12_288);
    writeFileSync(sample.blob('model'), bytes);
    const says = ' is altered (two readings agree); all zeros at bytes 4096-12287 (8.2 kB)';
    await assertOne('model', {
      rule: 'blob-altered',
      bit: 1,
      status: 'altered',
      says,
      expected: sample.digest('model'),
      actual: sha256(bytes),
    });
  });

  test('that this user may not read is told, with the command that shows why', {
    skip: asRoot(),
  }, async () => {
    chmodSync(sample.blob('system'), 0);
    await assertOne('system', {
      rule: 'blob-unreadable',
      bit: 4,
      status: 'unchecked',
      says: ' cannot be read: EACCES: permission denied',
      hint: `ls -l ${sample.blob('system')}`,
      actual: 'EACCES: permission denied',
    });
  });
});

describe('in the place of a blob', () => {
  const limited = { timeout: 20_000 };
  const place = (): string => {
    rmSync(sample.blob('license'));
    return sample.blob('license');
  };
  const notRegular = (type: string, hint?: string) =>
    assertOne('license', {
      ...{ rule: 'blob-not-regular', bit: 4, status: 'unchecked', actual: type, expected: undefined },
      says: `: ${blobName(sample.digest('license'))} is a ${type}, not a file; it was not opened`,
      ...(hint === undefined ? {} : { hint }),
    });

  test('a FIFO is not opened: the check returns at once', { ...limited, skip: noFifo() }, async () => {
    makeFifo(place());
    await notRegular('FIFO');
  });

  test('a socket is not opened', limited, async () => {
    const server = await makeSocket(store.folder, place());
    try {
      await notRegular('socket');
    } finally {
      server.close();
    }
  });

  test('a device is not opened', limited, async (t) => {
    const reason = noDevice(store.folder);
    if (reason !== false) return t.skip(reason);
    makeDevice(place());
    await notRegular('device');
  });

  test('a directory with something in it is not entered, and the hint removes it whole', async () => {
    const path = place();
    mkdirSync(join(path, 'inside'), { recursive: true });
    await notRegular('directory', `rm -r ${path} && ollama pull sample:latest`);
  });
});
