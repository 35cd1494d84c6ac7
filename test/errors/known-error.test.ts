import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { describeCause, KnownError, systemCode } from '../../src/errors/index.ts';

/** What the system throws when this is done. */
function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  assert.fail('nothing was thrown');
}

describe('a known error', () => {
  test('fills its message and its hint with the facts, and keeps them as fields', () => {
    const error = new KnownError('STATE_DAMAGED', { path: '/s/cursor.json', problem: 'it is empty' });
    assert.equal(error.message, 'the state file /s/cursor.json is damaged: it is empty');
    assert.equal(error.hint, 'remove that file: rm /s/cursor.json');
    assert.equal(error.code, 'STATE_DAMAGED');
    assert.equal(error.name, 'KnownError');
    assert.deepEqual([error.exitStatus, error.httpStatus], [4, 500]);
    assert.deepEqual(error.facts, { path: '/s/cursor.json', problem: 'it is empty' });
    assert.ok(error instanceof Error);
  });

  test('fills in each fact once: a fact that looks like a placeholder stays as it is', () => {
    const error = new KnownError('STATE_DAMAGED', { path: '{problem}', problem: '{path} $& $1' });
    assert.equal(error.message, 'the state file {problem} is damaged: {path} $& $1');
  });

  test('shows a placeholder for which there is no fact', () => {
    assert.equal(
      new KnownError('STREAM_DIGEST', { actual: 'x' }).message,
      'the stream has the digest x, expected {expected}',
    );
    assert.equal(new KnownError('USAGE', {}).message, '{problem}');
  });

  test('takes numbers as facts', () => {
    const error = new KnownError('STREAM_TOO_SHORT', { actual: 0, expected: 10 });
    assert.equal(error.message, 'the stream ended after 0 of 10 bytes');
    assert.equal(error.hint, undefined);
  });

  test('keeps its cause, and has none where none was given', () => {
    const cause = new Error('below');
    assert.equal(new KnownError('INTERNAL', { problem: 'x' }, cause).cause, cause);
    assert.equal('cause' in new KnownError('INTERNAL', { problem: 'x' }), false);
  });

  test('leaves text from outside raw: whoever prints it makes it printable', () => {
    assert.equal(new KnownError('USAGE', { problem: 'a\u001b[31mb' }).message, 'a\u001b[31mb');
  });
});

describe('the description of a cause', () => {
  test('is what the system says, without the path that it repeats', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vm-'));
    try {
      const missing = thrownBy(() => readFileSync(join(folder, 'a, b\nc')));
      assert.equal(describeCause(missing), 'ENOENT: no such file or directory');
      const directory = thrownBy(() => readFileSync(folder));
      assert.equal(describeCause(directory), 'EISDIR: illegal operation on a directory');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('is the first line of any other message', () => {
    assert.equal(describeCause(new Error('one\ntwo')), 'one');
    assert.equal(describeCause(new Error('one\rtwo')), 'one');
    assert.equal(describeCause('text\nmore'), 'text');
    assert.equal(describeCause(new Error('')), '');
  });

  test('is a text whatever was thrown', () => {
    assert.equal(describeCause(undefined), 'undefined');
    assert.equal(describeCause(null), 'null');
    assert.equal(describeCause(7), '7');
    assert.equal(describeCause(Symbol('s')), 'Symbol(s)');
    assert.equal(describeCause(Object.create(null)), '[Object: null prototype] {}');
    const refusing = { toString: () => assert.fail('it was asked for its text') };
    assert.match(describeCause(refusing), /toString/);
  });
});

describe('the code of the system', () => {
  test('is there where the system gave one', () => {
    const error = thrownBy(() => readdirSync('/nonexistent-directory'));
    assert.equal(systemCode(error), 'ENOENT');
  });

  test('is undefined for anything else', () => {
    assert.equal(systemCode(new Error('x')), undefined);
    assert.equal(systemCode(Object.assign(new Error('x'), { code: 7 })), undefined);
    assert.equal(systemCode({ code: 'ENOENT' }), undefined);
    assert.equal(systemCode(undefined), undefined);
  });
});
