import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLogger, type LogLevel, loggable } from '../../src/observe/index.ts';

function logged(level: LogLevel = 'info') {
  const lines: string[] = [];
  const log = createLogger(
    (line) => lines.push(line),
    level,
    () => new Date('2026-11-23T12:00:00Z'),
  );
  return { log, lines };
}

describe('the log', () => {
  test('is one object a line', () => {
    const { log, lines } = logged();
    log.warn('it moved', { model: 'a:b', times: 3, absent: undefined });
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      [{ level: 'warn', time: '2026-11-23T12:00:00.000Z', model: 'a:b', times: 3, message: 'it moved' }],
    );
    assert.ok(lines[0]?.endsWith('}\n'));
  });

  test('has no more than its level asks for', () => {
    const { log, lines } = logged('warn');
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).message),
      ['c', 'd'],
    );
  });

  test('shows what a client typed as it is, and nothing of it moves a cursor', () => {
    assert.equal(loggable('a\u001b[31mred\u202e\n{"level":"error"}'), 'a�[31mred��{"level":"error"}');
    assert.equal(loggable('x'.repeat(10_000)).length, 500);
  });

  test('holds no secrets', () => {
    assert.equal(
      loggable('https://cdn.example/x?signature=abc&part=1&X-Amz-Signature=def'),
      'https://cdn.example/x?signature=…&part=1&X-Amz-Signature=…',
    );
    assert.equal(loggable('it said Bearer abc.def-ghi and left'), 'it said Bearer … and left');
  });
});
