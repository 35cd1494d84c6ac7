import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appendEntry, readRecord, transferSheet } from '../../src/custody/index.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { custodyKey } from '../fixtures/custody-keys.ts';

const archive = digestOf(Buffer.from('an index'));
const key = custodyKey();
const list = { listId: 'models', version: 7, digest: digestOf(Buffer.from('list')) };

function sheet(models: number, entries: number, words = 'Carol', file = 'models.tar'): string[] {
  let record = '';
  for (let at = 0; at < entries; at += 1)
    record = appendEntry(
      Buffer.from(record),
      archive,
      {
        ...{ action: at === 0 ? 'exported' : 'imported', time: '2026-09-01T08:00:00Z', models, bytes: 5e9 },
        ...{ custodian: words, mediaId: words, seal: words, refused: at },
      },
      key,
    );
  const text = transferSheet({
    ...{ record: readRecord(Buffer.from(record)), file, list },
    models: Array.from({ length: models }, (_, at) => ({
      name: `${words.slice(0, 60)}-${at}:latest`,
      ...{ id: 'a80c4f17acd5', bytes: 1.3e9 },
    })),
  });
  assert.ok(text.endsWith('\n'));
  return text.slice(0, -1).split('\n');
}

describe('the page that goes with an archive', () => {
  for (const [models, entries] of [
    [1, 1],
    [5000, 1],
    [3, 20],
    [5000, 20],
    [0, 1],
  ] as const)
    test(`fits on one page with ${models} models and ${entries} entries`, () => {
      for (const words of ['Carol', 'x'.repeat(200)]) {
        const lines = sheet(models, entries, words, `/media/${'long/'.repeat(30)}models.tar`);
        assert.ok(lines.length <= 60, `${lines.length} lines`);
        assert.ok(lines.every((line) => line.length <= 78));
        assert.deepEqual(
          lines.slice(-6).filter((line) => line.includes('sign ____')).length,
          2,
          lines.slice(-6).join('\n'),
        );
        assert.match(lines.at(-6) ?? '', /^seal intact on arrival/);
      }
    });

  test('of a long path it shows the end, and cuts no character in two', () => {
    const lines = sheet(1, 1, '\u{1f4be}'.repeat(80), `/media/${'long/'.repeat(30)}models.tar`);
    assert.match(lines.find((line) => line.startsWith('files')) ?? '', /^files {8}\.\.\.\S+\/models\.tar$/);
    assert.ok(lines.some((line) => line.includes('custodian \u{1f4be}')));
    assert.ok(lines.every((line) => line.isWellFormed() && [...line].length <= 78));
  });

  test('has the digest in groups that two people can compare, and the last of the entries', () => {
    const lines = sheet(2, 8);
    const hex = archive.slice('sha256:'.length);
    assert.equal(lines[2], `archive      ${[0, 8, 16, 24].map((at) => hex.slice(at, at + 8)).join(' ')}`);
    assert.equal(lines[3]?.trim(), [32, 40, 48, 56].map((at) => hex.slice(at, at + 8)).join(' '));
    assert.ok(lines.some((line) => line.startsWith('8. imported')));
    assert.ok(!lines.some((line) => line.startsWith('2. imported')));
    assert.ok(lines.some((line) => line === 'allow-list   models version 7'));
  });

  test('has custodian, medium and seal, however long they are', () => {
    const short = sheet(1, 1).filter((line) => line.includes('custodian'));
    assert.deepEqual(short, ['             custodian Carol   media Carol   seal Carol']);
    const long = sheet(1, 1, 'y'.repeat(200)).filter((line) => /(?:custodian|media|seal) y/.test(line));
    assert.deepEqual(
      long.map((line) => line.trim().split(' ')[0]),
      ['custodian', 'media', 'seal'],
    );
  });

  test('says how many models it does not name', () => {
    const lines = sheet(5000, 1);
    const more = lines.find((line) => /and \d+ more/.test(line));
    const shown = lines.filter((line) => line.includes('a80c4f17acd5')).length;
    assert.equal(more?.trim(), `and ${5000 - shown} more`);
  });

  test('has no control characters, whatever a file is called', () => {
    const lines = sheet(1, 1, 'Carol', 'evil\u001b[2J\u0007.tar');
    assert.ok(lines.every((line) => !/\p{Cc}/u.test(line)));
  });
});
