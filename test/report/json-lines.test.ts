import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { unprintable } from '../../src/findings/index.ts';
import { endLines, eventsSchema, findingLine, startLine, statusLine } from '../../src/report/index.ts';
import { findings, hostileReport, hostileText, mixedReport, soundReport } from './sample-report.ts';

/** One line, and what it says. */
function read(line: string): Record<string, unknown> {
  assert.match(line, /^[^\n]+\n$/);
  assert.equal(unprintable.exec(line.slice(0, -1)), null, line);
  return JSON.parse(line) as Record<string, unknown>;
}

describe('a line of events', () => {
  test('begins a stream', () => {
    assert.deepEqual(read(startLine(soundReport.tool, '/srv/models', soundReport.startedAt)), {
      type: 'start',
      schema: 'urn:verify-models:events:v1',
      tool: { name: 'verify-models', version: '0.1.0' },
      store: '/srv/models',
      startedAt: '2026-09-01T12:00:00.000Z',
    });
    assert.equal(eventsSchema, 'urn:verify-models:events:v1');
  });

  test('says how far a run is', () => {
    const status = { bytesDone: 10, bytes: 100, rate: 5, secondsLeft: 18 };
    assert.deepEqual(read(statusLine(status)), { type: 'status', ...status });
    assert.equal(read(statusLine({ ...status, secondsLeft: null })).secondsLeft, null);
  });

  test('tells a finding with all its fields', () => {
    for (const finding of findings)
      assert.deepEqual(read(findingLine(finding)), { type: 'finding', ...finding });
  });

  test('holds hostile text without a break in it, and gives it back', () => {
    assert.equal(read(startLine(soundReport.tool, hostileText, soundReport.startedAt)).store, hostileText);
    for (const finding of hostileReport.findings) {
      assert.deepEqual(read(findingLine(finding)), { type: 'finding', ...finding });
    }
    for (const line of endLines(hostileReport)) read(line);
  });
});

describe('the end of a stream', () => {
  test('is every model, then every blob, then what is not listed, then one line that ends it', () => {
    const lines = [...endLines(mixedReport)].map(read);
    assert.deepEqual(
      lines.map(({ type }) => type),
      [...Array(5).fill('model'), ...Array(5).fill('blob'), 'unlisted', 'end'],
    );
    assert.deepEqual(lines[1], {
      type: 'model',
      name: 'registry.ollama.ai/library/sample:latest',
      manifestDigest: `sha256:${'1'.repeat(64)}`,
      status: 'altered',
      bytes: 1000,
    });
    assert.deepEqual(lines[5], {
      type: 'blob',
      digest: `sha256:${'0'.repeat(64)}`,
      bytes: 0,
      proof: 'whole',
    });
    assert.deepEqual(lines[10], { type: 'unlisted', rule: 'blob-orphan', more: 41 });
    const { durationMs, partial, exitCode, allowList, summary } = mixedReport;
    assert.deepEqual(lines[11], { type: 'end', durationMs, partial, exitCode, allowList, summary });
  });

  test('of a sound store ends well', () => {
    const last = [...endLines(soundReport)].map(read).at(-1);
    assert.deepEqual([last?.type, last?.exitCode, last?.allowList, last?.partial], ['end', 0, null, false]);
  });
});
