import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layoutFiles } from '../../src/archive/layout-files.ts';
import { parseModelName } from '../../src/oci/index.ts';
import { digestOf } from '../fixtures/blob-directory.ts';

const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
const model = (name: string) => ({
  name: parseModelName(name),
  mediaType,
  digest: digestOf(Buffer.from(name)),
  size: 7,
});
const annotations = (name: string) => {
  const [, index] = layoutFiles([model(name)]);
  const { manifests } = JSON.parse(String(index?.bytes)) as { manifests: { annotations: object }[] };
  return manifests[0]?.annotations;
};

test('two files make a tar an OCI image layout', () => {
  const [layout, index] = layoutFiles([model('llama3.2:1b')]);
  assert.deepEqual([layout?.name, String(layout?.bytes)], ['oci-layout', '{"imageLayoutVersion":"1.0.0"}']);
  assert.equal(index?.name, 'index.json');
  assert.deepEqual(JSON.parse(String(index?.bytes)), {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...{ mediaType, digest: digestOf(Buffer.from('llama3.2:1b')), size: 7 },
        annotations: {
          'io.containerd.image.name': 'registry.ollama.ai/library/llama3.2:1b',
          'org.opencontainers.image.ref.name': 'llama3.2/1b',
        },
      },
    ],
  });
});

test('a reference has no colon, and names that no reference may have go without one', () => {
  const reference = 'org.opencontainers.image.ref.name';
  for (const [name, expected] of [
    ['qwen3.5:4b', 'qwen3.5/4b'],
    ['someone/model:latest', 'someone/model/latest'],
    ['hf.co/org/Model-GGUF:Q4_K_M', 'hf.co/org/Model-GGUF/Q4_K_M'],
    ['model:a__b', undefined],
    ['model:v1.', undefined],
  ] as const)
    assert.equal(Reflect.get(annotations(name) ?? {}, reference), expected, name);
});
