/** The attacks on approvals that the design's checklist names, each under its name. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  bundle,
  judge,
  list,
  listBytes,
  predicateType,
  statement,
  TestSigner,
  verdict,
} from '../fixtures/signed-list.ts';

const alice = new TestSigner('alice');
const mallory = new TestSigner('mallory');
const json = (value: unknown): string => JSON.stringify(value);
const sound = () => bundle(alice, json(statement()));

/** A sound approval with one part replaced. */
const spoiled = (change: (b: ReturnType<typeof sound>) => void) => {
  const made = sound();
  change(made);
  return made;
};

/** The same, by giving fields of the envelope or of the material. */
const envelope = (fields: (was: Record<string, unknown>) => object) =>
  spoiled((b) => void Object.assign(b.dsseEnvelope, fields(b.dsseEnvelope)));
const material = (fields: object) => spoiled((b) => void Object.assign(b.verificationMaterial, fields));

/** An approval over a statement that was spoiled before it was signed. */
const signed = (value: unknown) => bundle(alice, typeof value === 'string' ? value : json(value));

const subject = statement().subject[0];

const attacks: Record<string, () => string | object> = {
  'payload type: signed as another type': () =>
    spoiled((b) => {
      const payload = Buffer.from(String(b.dsseEnvelope.payload), 'base64');
      b.dsseEnvelope.signatures = [{ sig: alice.signature(payload, 'application/json'), keyid: '' }];
    }),
  'payload type: another value': () => envelope(() => ({ payloadType: 'application/json' })),
  'payload type: another case': () => envelope(() => ({ payloadType: 'application/vnd.in-toto+JSON' })),
  'predicate type: wrong': () => signed({ ...statement(), predicateType: 'https://example.org/other/v1' }),
  'predicate type: a trust document as a list': () =>
    signed({ ...statement(), predicateType: 'urn:verify-models:trust:v1' }),
  'statement v0.1': () => signed({ ...statement(), _type: 'https://in-toto.io/Statement/v0.1' }),
  'duplicate subjects': () => signed({ ...statement(), subject: [subject, subject] }),
  'more than 1,024 subjects': () =>
    signed({
      ...statement(),
      subject: [subject, ...Array.from({ length: 1024 }, (_, n) => ({ ...subject, name: `m${n}` }))],
    }),
  'no subject': () => signed({ ...statement(), subject: [] }),
  'duplicate key in the bundle': () => json(sound()).replace('{"mediaType"', '{"mediaType":"x","mediaType"'),
  'duplicate key in the bundle, escaped': () =>
    json(sound()).replace('{"mediaType"', '{"media\\u0054ype":"x","mediaType"'),
  'duplicate key in the statement': () =>
    signed(json(statement()).replace('"version":3', '"version":9,"version":3')),
  'duplicate key in the statement, escaped': () =>
    signed(json(statement()).replace('"version":3', '"\\u0076ersion":9,"version":3')),
  '__proto__ in the statement': () =>
    signed(json(statement()).replace('"listId"', '"__proto__":{"version":9},"listId"')),
  'unknown field in the statement': () => signed({ ...statement(), extra: 1 }),
  'unknown field in the predicate': () => signed(statement(listBytes, { extra: 1 })),
  'unknown field in the bundle': () => ({ ...sound(), extra: 1 }),
  'base64 with a newline': () =>
    envelope((was) => ({ payload: `${String(was.payload).slice(0, 8)}\n${String(was.payload).slice(8)}` })),
  'base64 for URLs': () => envelope(() => ({ payload: Buffer.from([251, 255]).toString('base64url') })),
  'base64 without its padding': () => {
    const padded = bundle(alice, `${json(statement())} `);
    padded.dsseEnvelope.payload = String(padded.dsseEnvelope.payload).replace(/=+$/, '');
    return String(padded.dsseEnvelope.payload).length % 4 === 0 ? 'not a bundle' : padded;
  },
  'two signatures': () =>
    envelope((was) => ({ signatures: [...(was.signatures as object[]), { sig: 'AAAA' }] })),
  'no signature': () => envelope(() => ({ signatures: [] })),
  'both contents': () => ({ ...sound(), messageSignature: { signature: 'AAAA' } }),
  'media type with a suffix': () => ({
    ...sound(),
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+jsonX',
  }),
  'an older bundle': () => ({
    ...sound(),
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
  }),
  'an unlisted key': () => bundle(mallory, json(statement())),
  'a listed hint with another key': () => {
    const other = bundle(mallory, json(statement()));
    other.verificationMaterial.publicKey = { hint: alice.hint };
    return other;
  },
  'a key and a certificate': () => material({ certificate: { rawBytes: 'AAAA' } }),
  'neither key nor certificate': () => spoiled((b) => void delete b.verificationMaterial.publicKey),
  'a certificate relabelled: no key signed it': () => {
    const other = bundle(mallory, json(statement()));
    other.verificationMaterial.publicKey = { hint: '' };
    return other;
  },
  'not yet valid': () => signed(statement(listBytes, { issued: '2026-11-23T12:06:00Z' })),
  expired: () => signed(statement(listBytes, { expires: '2026-11-23T12:00:00Z' })),
  'expires before it was issued': () => signed(statement(listBytes, { expires: '2026-11-21T00:00:00Z' })),
  'a day that does not exist': () => signed(statement(listBytes, { expires: '2027-02-30T00:00:00Z' })),
  'a date without a zone': () => signed(statement(listBytes, { expires: '2027-01-01T00:00:00' })),
  'a date as a number': () => signed(statement(listBytes, { expires: 1_800_000_000 })),
  'the version as a string': () => signed(statement(listBytes, { version: '3' })),
  'the version beyond every number': () =>
    signed(json(statement()).replace('"version":3', '"version":1e400')),
  'the version as 3.0': () => signed(json(statement()).replace('"version":3', '"version":3.0')),
  'another version than the list says': () => signed(statement(listBytes, { version: 4 })),
  'a list of another site': () => signed(statement(listBytes, { listId: 'elsewhere' })),
  'another size': () => signed(statement(listBytes, { size: listBytes.length + 1 })),
  'the digest of other bytes': () => signed(statement(Buffer.from('other'))),
  'the list as another subject than the first': () =>
    signed({ ...statement(), subject: [{ ...subject, name: 'other' }, subject] }),
  'a depth bomb': () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  'a depth bomb in the statement': () => signed('['.repeat(10_000)),
  'bad UTF-8 in the statement': () =>
    bundle(alice, Buffer.concat([Buffer.from(json(statement())), Buffer.from([0xff])])),
  'a byte order mark in the statement': () => signed(`\ufeff${json(statement())}`),
  'a line of 2 MB': () => envelope(() => ({ payload: 'A'.repeat(2_000_000) })),
};

for (const hint of ['__proto__', 'constructor', 'toString', '']) {
  attacks[`the key hint ${json(hint)} of a stranger`] = () => {
    const other = bundle(mallory, json(statement()));
    other.verificationMaterial.publicKey = { hint };
    return other;
  };
}

const otherRules: Record<string, string> = {
  expired: 'list-expired',
  'another version than the list says': 'list-malformed',
  'a list of another site': 'list-malformed',
  'another size': 'list-changed',
  'the digest of other bytes': 'list-changed',
};

describe('an attack on an approval is refused', () => {
  test('and the approval that is attacked is accepted', async () => {
    assert.equal(verdict(await judge([sound()], alice.trust)), 'accepted');
    assert.equal(
      verdict(await judge([bundle(new TestSigner('x'), json(statement())), sound()], alice.trust)),
      'accepted',
    );
    const ed = new TestSigner('ed', 'ed25519');
    assert.equal(verdict(await judge([bundle(ed, json(statement()))], ed.trust)), 'accepted');
  });

  for (const [name, make] of Object.entries(attacks)) {
    test(name, async () => {
      assert.equal(verdict(await judge([make()], alice.trust)), otherRules[name] ?? 'list-not-approved');
    });
  }

  test('9 MB of approvals, and 65 lines of them', async () => {
    assert.equal(verdict(await judge(['x'.repeat(9_000_000)], alice.trust)), 'list-not-approved');
    const many = Array.from({ length: 65 }, () => sound());
    assert.equal(verdict(await judge(many, alice.trust)), 'list-not-approved');
  });

  test('no approval at all', async () => {
    assert.equal(verdict(await judge([], alice.trust)), 'list-unsigned');
    assert.equal(verdict(await judge(['', ' \r'], alice.trust)), 'list-unsigned');
  });

  test('one flipped bit of payload or signature, wherever it is', async () => {
    const property = fc.asyncProperty(
      fc.boolean(),
      fc.nat(),
      fc.integer({ min: 0, max: 7 }),
      async (inPayload, where, bit) => {
        const made = sound();
        const [first] = made.dsseEnvelope.signatures as { sig: string }[];
        const bytes = Buffer.from(
          inPayload ? String(made.dsseEnvelope.payload) : (first?.sig ?? ''),
          'base64',
        );
        const at = where % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        if (inPayload) made.dsseEnvelope.payload = bytes.toString('base64');
        else made.dsseEnvelope.signatures = [{ sig: bytes.toString('base64'), keyid: '' }];
        assert.equal(verdict(await judge([made], alice.trust)), 'list-not-approved');
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  test('one flipped bit of the list, wherever it is', async () => {
    const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 7 }), async (where, bit) => {
      const bytes = Buffer.from(listBytes);
      const at = where % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      assert.equal(verdict(await judge([sound()], alice.trust, {}, bytes)), 'list-changed');
    });
    await fc.assert(property, { numRuns: 200 });
  });

  test('whatever the bytes of the approvals are, nothing is thrown and nothing accepted', async () => {
    const property = fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
      assert.notEqual(verdict(await judge([text], alice.trust)), 'accepted');
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test('the predicate type stands for the list alone, and the list for its version', () => {
    assert.equal(statement().predicateType, predicateType);
    assert.equal(list.version, statement().predicate.version);
  });
});
