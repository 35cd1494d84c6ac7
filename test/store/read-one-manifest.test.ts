import assert from 'node:assert/strict';
import { renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseModelName } from '../../src/oci/index.ts';
import { OllamaStore, readOneManifest } from '../../src/store/index.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

let scratch: ScratchStore;
let sample: SampleModel;
beforeEach(() => {
  scratch = new ScratchStore();
  sample = scratch.addModel();
});
afterEach(() => scratch.remove());

function read(name = 'sample'): string {
  const before = openDescriptors();
  try {
    using store = OllamaStore.open(scratch.path, [], () => {});
    return readOneManifest(store, parseModelName(name)).toString('latin1');
  } finally {
    assert.equal(openDescriptors(), before, 'no descriptor stays open');
  }
}

describe('reading one manifest', () => {
  test('gives its exact bytes, whatever they are', () => {
    assert.equal(read(), sample.manifest);
    writeFileSync(sample.manifestPath, Buffer.from([0xef, 0xbb, 0xbf, 0x00, 0xff]));
    assert.equal(read(), '\xef\xbb\xbf\x00\xff');
  });

  test('of a model that is not there fails as the system says it', () => {
    for (const name of ['other', 'sample:other', 'somebody/sample', 'example.com/library/sample'])
      assert.throws(() => read(name), { code: 'ENOENT' });
    rmSync(scratch.at('manifests'), { recursive: true });
    assert.throws(() => read(), { code: 'FILE_UNREADABLE', facts: { problem: 'manifests/ cannot be read' } });
  });

  test('follows links, at any level, where links may lead', () => {
    renameSync(sample.manifestPath, scratch.at('m'));
    symlinkSync(scratch.at('m'), sample.manifestPath);
    assert.equal(read(), sample.manifest);
    renameSync(scratch.at('manifests/registry.ollama.ai/library'), scratch.at('library'));
    symlinkSync(scratch.at('library'), scratch.at('manifests/registry.ollama.ai/library'));
    assert.equal(read(), sample.manifest);
  });

  for (const [what, path] of [
    ['manifest', () => sample.manifestPath],
    ['directory above it', () => scratch.at('manifests/registry.ollama.ai/library')],
  ] as const) {
    test(`refuses a ${what} that is a link out of the store, to nowhere or to itself`, () => {
      renameSync(path(), scratch.beside('elsewhere'));
      for (const target of [scratch.beside('elsewhere'), '/nonexistent', path()]) {
        symlinkSync(target, path());
        assert.throws(() => read(), {
          code: 'FILE_CHANGED',
          facts: { problem: 'it lies behind a link that may not be followed' },
        });
        rmSync(path());
      }
    });
  }

  test('larger than any is refused', () => {
    truncateSync(sample.manifestPath, 100_000_000);
    assert.throws(() => read(), {
      code: 'FILE_UNREADABLE',
      facts: { problem: 'it is larger than 4 MiB' },
    });
  });
});
