import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { layerKind } from '../../src/oci/index.ts';

describe('what a layer is', () => {
  const kinds: Readonly<Record<string, string>> = {
    model: 'weights',
    template: 'template',
    prompt: 'template',
    system: 'system',
    params: 'params',
    license: 'license',
    adapter: 'adapter',
    projector: 'projector',
    messages: 'messages',
    draft: 'draft',
    embed: 'embeddings',
    tensor: 'tensor',
    json: 'json',
  };
  for (const [word, kind] of Object.entries(kinds)) {
    test(`application/vnd.ollama.image.${word} is ${kind}`, () => {
      assert.equal(layerKind(`application/vnd.ollama.image.${word}`), kind);
    });
  }

  test('does not depend on parameters of the media type', () => {
    assert.equal(layerKind('application/vnd.ollama.image.tensor;name=model.layers.0'), 'tensor');
  });

  for (const type of [
    '',
    'application/vnd.ollama.image.',
    'application/vnd.ollama.image.unknown',
    'application/vnd.ollama.image.Model',
    'application/vnd.ollama.image.constructor',
    'application/vnd.ollama.image.__proto__',
    'application/vnd.oci.image.layer.v1.tar+gzip',
    'text/plain',
    'model',
  ]) {
    test(`is a plain layer when its type is ${JSON.stringify(type)}`, () => {
      assert.equal(layerKind(type), 'layer');
    });
  }
});
