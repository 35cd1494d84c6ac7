import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  appendEntry,
  assertContinues,
  readRecord,
  readRecordOf,
  recordWord,
  type TransferFacts,
} from '../../src/custody/index.ts';
import { transferPredicateType, writeStatement } from '../../src/custody/statement.ts';
import { signBundle } from '../../src/trust/index.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { custodyKey } from '../fixtures/custody-keys.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const archive = digestOf(Buffer.from('an index'));
const [sender, receiver, mallory] = [custodyKey(), custodyKey(), custodyKey()];
const facts: TransferFacts = {
  ...{ action: 'exported', time: '2026-09-01T08:00:00Z', models: 2, bytes: 4_700_000_000 },
  ...{ custodian: 'Carol', mediaId: 'USB-17', seal: 'A44121', list: digestOf(Buffer.from('list')) },
  volumes: { count: 3, digest: digestOf(Buffer.from('sums')) },
  audit: { seq: 4, hash: digestOf(Buffer.from('record')) },
};
const nothing = Buffer.alloc(0);
const append = (before: string, more: Partial<TransferFacts> = {}, key = sender, of = archive) =>
  appendEntry(before === '' ? nothing : Buffer.from(before), of, { ...facts, ...more }, key);
const read = (text: string, ...known: (typeof sender)[]) =>
  readRecord(Buffer.from(text), known.length === 0 ? undefined : known.map(({ publicKey }) => publicKey));
const broken = (text: string, words: string, ...known: (typeof sender)[]) =>
  assert.throws(() => read(text, ...known), refusedWith('RECORD_BROKEN', words));
const lines = (text: string) => text.trim().split('\n');

describe('a transfer record', () => {
  const one = append('');
  const two = append(one, { action: 'imported', time: '2026-09-03T09:30:00Z', refused: 1 }, receiver);
  const three = append(two, { action: 'installed' }, receiver);

  test('says what each end said, in its order', () => {
    const { archive: of, entries } = read(three, sender, receiver);
    assert.equal(of, archive);
    assert.deepEqual(
      entries.map(({ entry, action, signer }) => [entry, action, signer.id]),
      [
        [1, 'exported', sender.publicKey.id],
        [2, 'imported', receiver.publicKey.id],
        [3, 'installed', receiver.publicKey.id],
      ],
    );
    const [{ signer: _, entry: _number, previous: _before, ...said } = { signer: 0, entry: 0, previous: 0 }] =
      entries;
    assert.deepEqual(said, facts);
    assert.deepEqual(lines(three).slice(0, 2), lines(two));
    assert.ok(three.startsWith(one));
  });

  test('cannot have entries swapped, removed, repeated or changed', () => {
    const [a = '', b = '', c = ''] = lines(three);
    broken([b, a, c].join('\n'), 'entry 1: it calls itself entry 2');
    broken([a, c].join('\n'), 'entry 2: it calls itself entry 3');
    broken([b, c].join('\n'), 'entry 1: it calls itself entry 2');
    broken([a, a].join('\n'), 'entry 2: it calls itself entry 1');
    const other = append(append('', { custodian: 'Mallory' }), {}, receiver);
    broken([a, lines(other)[1]].join('\n'), 'entry 2: it does not follow the entry before');
    const bundle = JSON.parse(a) as { dsseEnvelope: { payload: string } };
    const text = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString().replace('USB-17', 'USB-18');
    const payload = Buffer.from(text).toString('base64');
    broken(
      JSON.stringify({ ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload } }),
      'entry 1: it was changed after it was signed',
    );
    broken(`${a.slice(0, -5)}\n`, 'entry 1');
    broken('', 'there is none');
    broken('{}\n', 'entry 1');
    broken('x'.repeat(9 * 2 ** 20), 'too large');
  });

  test('that lost its end still follows: what is cut off is told by what others keep', () => {
    assert.equal(read(lines(three).slice(0, 2).join('\n')).entries.length, 2);
  });

  test('is of one archive', () => {
    const other = digestOf(Buffer.from('another'));
    assert.throws(
      () => append(one, {}, receiver, other),
      refusedWith('RECORD_BROKEN', 'it speaks of the archive'),
    );
    assert.throws(() => assertContinues(Buffer.from(one), other), refusedWith('RECORD_BROKEN'));
    assertContinues(Buffer.from(one), archive);
    assertContinues(nothing, other);
    const [, foreign] = lines(append(append('', {}, sender, other), {}, receiver, other));
    broken([lines(one)[0], foreign].join('\n'), 'entry 2: it speaks of another archive');
  });

  test('tells of the archive what that says of itself, in every entry', () => {
    const said = { models: 2, bytes: facts.bytes, list: facts.list };
    const taken = append(one, { action: 'imported', models: 1, refused: 1 }, receiver);
    assert.equal(readRecordOf(Buffer.from(taken), archive, said).entries.length, 2);
    for (const [more, words] of [
      [{ models: 3 }, 'entry 2: it tells of 3 models, and the archive has 2'],
      [{ models: 2, refused: 1 }, 'entry 2: it tells of 3 models, and the archive has 2'],
      [{ bytes: 7 }, `entry 2: it tells of 7 bytes, and the archive has ${facts.bytes}`],
      [
        { list: archive },
        `entry 2: it tells of the allow-list ${archive}, and the archive has ${facts.list}`,
      ],
      [{ list: undefined }, `entry 2: it tells of no allow-list, and the archive has ${facts.list}`],
    ] as const) {
      const wrong = Buffer.from(append(one, more, receiver));
      for (const judge of [readRecordOf, assertContinues])
        assert.throws(() => judge(wrong, archive, said), refusedWith('RECORD_BROKEN', words));
    }
  });

  test('by keys that are known, where somebody says which', () => {
    broken(three, 'which is not known here', sender);
    broken(append('', {}, mallory), 'entry 1: it is signed by the key', sender, receiver);
    read(append('', {}, mallory));
  });

  test('has no entry that is something else, whoever signed it', () => {
    const forged = (predicate: object) =>
      `${signBundle(writeStatement(archive, transferPredicateType, predicate), sender)}\n`;
    const good = { entry: 1, previous: read(one).entries[0]?.previous, ...facts, key: sender.publicKey.pem };
    read(forged(good));
    for (const change of [
      ...[{ custodian: 'a\u001b[2Jb' }, { seal: 'a\nb' }, { mediaId: '\u202Eevil' }, { custodian: '' }],
      ...[{ custodian: 'x'.repeat(201) }, { time: '2026-09-01' }, { time: '2026-09-01T08:00:00+02:00' }],
      ...[{ action: 'stolen' }, { models: -1 }, { bytes: 1.5 }, { more: 1 }, { previous: 'x' }, { entry: 0 }],
    ])
      broken(forged({ ...good, ...change }), 'entry 1: it is no entry of a transfer record');
    broken(forged({ ...good, key: 'no key' }), 'entry 1: its key cannot be read');
    broken(forged({ ...good, key: receiver.publicKey.pem }), 'entry 1: it was changed after it was signed');
  });

  test('ends after a thousand entries, and what was there stays readable', { timeout: 30_000 }, () => {
    let text = '';
    const made: string[] = [];
    let previous = read(one).entries[0]?.previous;
    for (let entry = 1; entry <= 1000; entry += 1) {
      const predicate = {
        entry,
        previous,
        action: 'imported',
        time: facts.time,
        models: 0,
        bytes: 0,
        key: sender.publicKey.pem,
      };
      const line = signBundle(writeStatement(archive, transferPredicateType, predicate), sender);
      previous = digestOf(Buffer.from(line));
      made.push(line);
    }
    text = `${made.join('\n')}\n`;
    assert.equal(read(text).entries.length, 1000);
    assert.throws(() => append(text), refusedWith('RECORD_BROKEN', 'it has too many entries'));
    broken(`${text}${lines(one)[0]}\n`, 'entry 1001: it has too many entries');
  });

  test('takes words that can be printed', () => {
    for (const word of ['Carol', 'Ünïcödé', '1', 'x'.repeat(200)]) assert.equal(recordWord(word), word);
    for (const word of ['', 'a\tb', 'a\u0000', '\u200Bx', 'x'.repeat(201)])
      assert.equal(recordWord(word), undefined);
  });
});
