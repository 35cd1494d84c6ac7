import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorRow, errorTable, KnownError } from '../../src/errors/index.ts';

const rows = Object.entries<ErrorRow>(errorTable);

describe('the table of errors', () => {
  test('has words for codes', () => {
    assert.ok(rows.length > 0);
    for (const [code] of rows) assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
  });

  test('has exit statuses that the help explains, and HTTP statuses of failures', () => {
    for (const [code, { exit, http }] of rows) {
      assert.ok([1, 2, 4, 64, 70, 126, 127].includes(exit), code);
      assert.ok(Number.isInteger(http) && http >= 400 && http <= 599, code);
    }
  });

  test('has messages of one line that do not end like sentences, so that a code can follow', () => {
    for (const [code, { message, hint }] of rows) {
      assert.doesNotMatch(message, /[\n.]$|\n/, code);
      assert.notEqual(message, '', code);
      assert.doesNotMatch(hint ?? 'x', /\n|^$/, code);
    }
  });

  test('has no hint with a fact that the message does not have, but for suggestions', () => {
    const factsOf = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
    for (const [code, { message, hint }] of rows) {
      const known = new Set([...factsOf(message), 'suggestion']);
      assert.deepEqual(
        factsOf(hint ?? '').filter((fact) => !known.has(fact)),
        [],
        code,
      );
    }
  });

  test('gives an error its statuses', () => {
    assert.equal(new KnownError('USAGE').exitStatus, 64);
    assert.equal(new KnownError('INTERNAL').exitStatus, 70);
    assert.equal(new KnownError('STORE_NOT_FOUND').exitStatus, 4);
    assert.equal(new KnownError('DIGEST_MALFORMED').exitStatus, 1);
  });
});
