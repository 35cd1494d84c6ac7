import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bundleSizeLimit, parseBundle, preAuthentication, signBundle } from '../../src/trust/bundle.ts';
import { parsePublicKey } from '../../src/trust/public-key.ts';
import { signingKeyFrom } from '../../src/trust/signing-key.ts';
import { bundle, statement, TestSigner } from '../fixtures/signed-list.ts';

const alice = new TestSigner('alice');
const payload = Buffer.from(JSON.stringify(statement()));
const problem = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const outcome = parseBundle(Buffer.from(text));
  return 'problem' in outcome ? outcome.problem : 'read';
};
const sound = () => bundle(alice, payload);
const material = (parts: object) => ({ ...sound(), verificationMaterial: parts });
const timestamps = (count: number) => ({
  rfc3161Timestamps: Array.from({ length: count }, () => ({ signedTimestamp: 'AAAA' })),
});

describe('a bundle', () => {
  test('that was signed here is one line, read back as what was signed', () => {
    const line = signBundle(payload, signingKeyFrom(alice.privateKey));
    const outcome = parseBundle(Buffer.from(line));
    assert.ok('bundle' in outcome);
    assert.equal(line.includes('\n'), false);
    assert.deepEqual(outcome.bundle.material, { kind: 'key', hint: alice.hint });
    assert.deepEqual(outcome.bundle.payload, payload);
    assert.equal(
      parsePublicKey(alice.pem).verifies(preAuthentication(payload), outcome.bundle.signature),
      true,
    );
    assert.match(line, /"keyid":""/);
  });

  test('is signed over the encoding of DSSE: lengths in bytes, then type and payload', () => {
    assert.equal(
      preAuthentication(Buffer.from('ü')).toString('utf8'),
      'DSSEv1 28 application/vnd.in-toto+json 2 ü',
    );
  });

  test('may be as long as 1 MiB, and not one byte longer', () => {
    const text = JSON.stringify(sound());
    assert.equal(problem(text.padEnd(bundleSizeLimit, ' ')), 'read');
    assert.equal(problem(text.padEnd(bundleSizeLimit + 1, ' ')), 'it has 1048577 bytes, more than 1048576');
  });

  test('may have eight log entries and eight timestamps, and not nine', () => {
    const key = { publicKey: { hint: '' } };
    const entries = (count: number) => ({ ...key, tlogEntries: Array.from({ length: count }, () => ({})) });
    const stamped = (count: number) => ({ ...key, timestampVerificationData: timestamps(count) });
    assert.equal(problem(material(entries(8))), 'read');
    assert.match(problem(material(entries(9))), /tlogEntries/);
    assert.equal(problem(material(stamped(8))), 'read');
    assert.match(problem(material(stamped(9))), /rfc3161Timestamps/);
  });

  test('may leave out its hint, its log entries and its key id, as cosign does', () => {
    assert.equal(problem(material({ publicKey: {} })), 'read');
    assert.equal(problem(material({ publicKey: { hint: 'x' }, tlogEntries: null })), 'read');
    const [signature] = sound().dsseEnvelope.signatures as { sig: string }[];
    const signatures = [{ sig: signature?.sig }];
    assert.equal(problem({ ...sound(), dsseEnvelope: { ...sound().dsseEnvelope, signatures } }), 'read');
  });

  test('has a hint of 1,024 characters at most', () => {
    assert.equal(problem(material({ publicKey: { hint: 'x'.repeat(1024) } })), 'read');
    assert.match(problem(material({ publicKey: { hint: 'x'.repeat(1025) } })), /publicKey.hint/);
  });

  for (const [name, parts, why] of [
    ['a chain of certificates', { x509CertificateChain: { certificates: [] } }, /verificationMaterial/],
    ['neither key nor certificate', {}, /^it must have either a key or a certificate$/],
    ['null for a key', { publicKey: null }, /publicKey/],
    ['a certificate that is no base64', { certificate: { rawBytes: '!' } }, /rawBytes/],
    ['a log entry that is none', { publicKey: {}, tlogEntries: [1] }, /tlogEntries/],
  ] as const) {
    test(`is refused with ${name}`, () => {
      assert.match(problem(material(parts)), why);
    });
  }

  test('that is no object is refused, whatever it is', () => {
    for (const text of ['', 'null', '5', '"x"', '[]', '{}', 'x']) assert.notEqual(problem(text), 'read');
  });
});
