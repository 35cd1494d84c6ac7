import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isRuleId, type Rule, ruleIds, rules } from '../../src/findings/index.ts';

describe('the table of rules', () => {
  test('has words for ids, each once', () => {
    assert.ok(ruleIds.length > 0);
    assert.equal(new Set(ruleIds).size, ruleIds.length);
    for (const id of ruleIds) assert.match(id, /^[a-z]+(-[a-z]+)*$/);
  });

  test('has a bit for every error, and none for warnings and information until they are to fail', () => {
    for (const id of ruleIds) {
      const rule: Rule = rules[id];
      if (rule.severity === 'error') assert.equal(rule.failBit, rule.bit, id);
      else assert.equal(rule.bit, 0, id);
      assert.ok([1, 2, 4, 8].includes(rule.failBit), id);
    }
  });

  test('says in sentences what each rule means, why it matters and what to do', () => {
    for (const id of ruleIds) {
      const { means, matters, todo } = rules[id];
      for (const text of [means, matters, todo]) {
        assert.match(text, /^[A-Z].*[.)]$/, `${id}: ${text}`);
        assert.doesNotMatch(text, /\n| {2}/, id);
      }
    }
  });

  test('knows its ids, and nothing that every object has', () => {
    for (const id of ruleIds) assert.ok(isRuleId(id));
    for (const text of [
      '',
      'blob',
      'Blob-missing',
      'constructor',
      '__proto__',
      'toString',
      'hasOwnProperty',
    ]) {
      assert.equal(isRuleId(text), false, text);
    }
  });
});
