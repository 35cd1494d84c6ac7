import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseModelName } from '../../src/oci/index.ts';
import { whyUnstorable } from '../../src/transfer/index.ts';

const why = (name: string, platform: NodeJS.Platform = 'win32') =>
  whyUnstorable(parseModelName(name), platform);

test('on Windows no part of a name has a colon, is a device, or ends in a dot', () => {
  assert.equal(
    why('mirror.corp:5000/library/a:b'),
    'mirror.corp:5000 has a colon, which no file name of Windows has',
  );
  for (const device of ['con', 'PRN', 'aux', 'nul', 'com1', 'LPT9', 'com0'])
    assert.match(why(`registry.ollama.ai/library/${device}:latest`) ?? '', / is the name of a device there$/);
  assert.match(why('registry.ollama.ai/library/nul.txt:latest') ?? '', /nul\.txt is the name of a device/);
  assert.match(why('registry.ollama.ai/library/model:nul') ?? '', /device/);
  assert.match(
    why('registry.ollama.ai/library/model:1.') ?? '',
    /1\. ends in a dot, which Windows leaves out/,
  );
});

test('names of the official library can be stored, and elsewhere every name can', () => {
  for (const name of ['llama3.2:1b', 'qwen3.5:4b', 'console:latest', 'com10:latest', 'auxiliary:1.0'])
    assert.equal(why(name), undefined, name);
  for (const platform of ['linux', 'darwin'] as const)
    assert.equal(why('mirror.corp:5000/library/con:latest', platform), undefined);
});
