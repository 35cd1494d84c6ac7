import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseAllowList, writeAllowList } from '../../src/allow-list/index.ts';
import { anyList, digestOf, listedModel, listOf } from '../fixtures/listed-models.ts';

const first = 'registry.ollama.ai/library/first:latest';
const second = 'registry.ollama.ai/library/second:latest';

/** Lines of `after` that are not in `before`, and the other way. */
function changedLines(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `-${line.trim()}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+${line.trim()}`),
  ];
}

describe('the text of a list', () => {
  test('is read as the list it was made from, and written again as the same text', () => {
    fc.assert(
      fc.property(anyList, (list) => {
        const text = writeAllowList(list);
        const read = parseAllowList(Buffer.from(text));
        assert.deepEqual(read, list);
        assert.equal(writeAllowList(read), text);
      }),
    );
  });

  test('is the same whatever the order in which models and aliases were added', () => {
    const models = { [second]: listedModel({ template: 'b' }), [first]: listedModel() };
    const sorted = listOf(models, {
      aliases: new Map([
        ['a.corp', 'x.ai'],
        ['b.corp', 'x.ai'],
      ]),
    });
    const other = {
      ...sorted,
      models: new Map(Object.entries(models)),
      aliases: new Map([
        ['b.corp', 'x.ai'],
        ['a.corp', 'x.ai'],
      ]),
    };
    assert.equal(writeAllowList(other), writeAllowList(sorted));
  });

  test('has one line a layer: a new template changes that line, the manifest and the version', () => {
    const before = listOf({ [first]: listedModel(), [second]: listedModel({ template: 'b' }) });
    const models = new Map(before.models).set(first, listedModel({ template: 'new text' }));
    const after = { ...before, version: 2, models };
    const line = (kind: string, text: string) =>
      `{"mediaType":"application/vnd.ollama.image.${kind}","digest":"${digestOf(text)}","size":${text.length}}`;
    assert.deepEqual(changedLines(writeAllowList(before), writeAllowList(after)), [
      '-"version": 1,',
      `-"manifest": {"digest":"${digestOf('weights template {}')}","size":500},`,
      `-${line('template', 'template')}`,
      '+"version": 2,',
      `+"manifest": {"digest":"${digestOf('weights new text {}')}","size":500},`,
      `+${line('template', 'new text')}`,
    ]);
  });

  test('of an empty list is a list', () => {
    const text =
      '{\n  "schema": "urn:verify-models:allow-list:v1",\n  "listId": "models",\n  "version": 1,\n  "models": {}\n}\n';
    assert.equal(writeAllowList(listOf({})), text);
    assert.equal(parseAllowList(Buffer.from(text)).models.size, 0);
  });
});
