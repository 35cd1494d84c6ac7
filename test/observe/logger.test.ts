import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLogger, type LogLevel, loggable } from '../../src/observe/index.ts';

function logged(level: LogLevel = 'info') {
  const lines: string[] = [];
  const clock = { ms: Date.UTC(2026, 10, 23, 12) };
  const log = createLogger(
    (line) => lines.push(line),
    level,
    () => new Date(clock.ms),
  );
  return { log, lines, clock };
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

  test('of a million requests has a thousand, then 120 a minute, and says how many were left out', () => {
    const { log, lines, clock } = logged();
    for (let at = 0; at < 1_000_000; at += 1) log.info('request', { path: `/v2/${at}` });
    assert.equal(lines.length, 1000);
    log.flush();
    log.flush();
    assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), {
      ...{ level: 'info', time: '2026-11-23T12:00:00.000Z', of: 'request', lines: 999_000 },
      message: 'lines were left out: too many came',
    });
    assert.equal(lines.length, 1001);
    clock.ms += 60_000;
    for (let at = 0; at < 1000; at += 1) log.info('request', {});
    assert.equal(lines.length, 1121);
  });

  test('keeps what matters, however many requests come beside it', () => {
    const { log, lines } = logged();
    for (let at = 0; at < 10_000; at += 1) log.info('request', {});
    log.warn('a list that is not accepted', { reason: 'it expired' });
    log.info('admitted', { model: 'sample:latest' });
    assert.deepEqual(
      lines.slice(1000).map((line) => JSON.parse(line).message),
      ['a list that is not accepted', 'admitted'],
    );
  });

  test('counts a bounded number of messages each for itself', () => {
    const { log, lines } = logged();
    for (let at = 0; at < 5000; at += 1) log.info(`message ${at}`, {});
    assert.equal(lines.length, 100 + 1000);
    log.flush();
    assert.equal(JSON.parse(lines.at(-1) ?? '').lines, 3900);
  });
});
