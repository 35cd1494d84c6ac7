import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertSentBy, hintsIn, signIndex } from '../../src/custody/index.ts';
import { transferPredicateType, writeStatement } from '../../src/custody/statement.ts';
import { signBundle } from '../../src/trust/index.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { custodyKey } from '../fixtures/custody-keys.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const archive = digestOf(Buffer.from('an index'));
const other = digestOf(Buffer.from('another index'));
const [alice, mallory] = [custodyKey(), custodyKey()];
const senders = [{ name: 'alice.pub', key: alice.publicKey }];
const signed = (digest = archive, key = alice) => signIndex({ digest, size: 8 }, key);
const sentBy = (text: string, known = senders) => assertSentBy(Buffer.from(text), archive, known).name;
const refused = (text: string, words: string, known = senders) =>
  assert.throws(() => sentBy(text, known), refusedWith('ARCHIVE_SENDER', words));

describe('the signature of an index', () => {
  test('tells who sent it', () => {
    assert.equal(sentBy(signed()), 'alice.pub');
    assert.equal(sentBy(`${signed(archive, mallory)}\n{"x":1}\n${signed()}`), 'alice.pub');
    const two = [{ name: 'mallory.pub', key: mallory.publicKey }, ...senders];
    assert.equal(sentBy(signed(), two), 'alice.pub');
  });

  test('of another archive, or by another key, is none', () => {
    refused('', 'there is no signature beside it');
    refused(signed(other), 'alice.pub signed another index');
    refused(signed(archive, mallory), 'no known sender signed it');
    refused(signed(), 'no known sender signed it', []);
    refused('x'.repeat(9 * 2 ** 20), 'too large');
    refused('not json\n', 'it is refused');
  });

  test('that was changed after it was signed is none', () => {
    const bundle = JSON.parse(signed()) as {
      dsseEnvelope: { payload: string; signatures: { sig: string }[] };
    };
    const spoiled = (change: (text: string) => string) => {
      const payload = change(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString());
      const envelope = { ...bundle.dsseEnvelope, payload: Buffer.from(payload).toString('base64') };
      return JSON.stringify({ ...bundle, dsseEnvelope: envelope });
    };
    assert.equal(sentBy(spoiled((text) => text)), 'alice.pub');
    refused(
      spoiled((text) => text.replace('"size":8', '"size":9')),
      'no known sender signed it',
    );
    refused(
      spoiled((text) => text.replace(archive.slice(7), other.slice(7))),
      'no known sender signed it',
    );
  });

  test('of something else that the same key signed is none', () => {
    const entry = signBundle(writeStatement(archive, transferPredicateType, {}), alice);
    refused(entry, 'alice.pub signed another index');
    const subjects = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [],
      predicateType: 'urn:verify-models:archive:v1',
    };
    refused(signBundle(Buffer.from(JSON.stringify(subjects)), alice), 'alice.pub signed another index');
  });

  test('is looked at up to a number of lines', () => {
    refused(signed(archive, mallory).repeat(64) + signed(), 'no known sender signed it');
  });

  test('names a key that nobody has proved', () => {
    assert.deepEqual(hintsIn(Buffer.from(signed())), [alice.publicKey.id.slice(0, 12)]);
    assert.deepEqual(hintsIn(Buffer.from('nonsense\n')), []);
    assert.deepEqual(hintsIn(Buffer.alloc(0)), []);
  });
});
