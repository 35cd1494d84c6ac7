import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseDigest } from '../../src/oci/index.ts';
import {
  type Claim,
  listPredicateType,
  parseStatement,
  subjectLimit,
  timestamp,
  trustPredicateType,
  writeStatement,
} from '../../src/trust/statement.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { now } from '../fixtures/signed-list.ts';

const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
const claim: Claim = {
  ...{ predicateType: listPredicateType, digest, size: 10, listId: 'site', version: 3 },
  ...{ issued: now, expires: new Date(now.getTime() + 86_400_000), trustVersion: 0 },
};
const text = writeStatement(claim).toString('utf8');
const extra = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `model ${at}`, digest }));

describe('a statement', () => {
  test('has exactly these bytes, so that two signers sign the same', () => {
    assert.equal(
      text,
      `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"allow-list.json","digest":{"sha256":"${'a'.repeat(64)}"}}],` +
        '"predicateType":"urn:verify-models:allow-list:v1","predicate":{"listId":"site","version":3,' +
        '"issued":"2026-11-23T12:00:00Z","expires":"2026-11-24T12:00:00Z","trustVersion":0,"size":10}}',
    );
  });

  test('reads as the claim that was written, of lists and of policies', () => {
    const trust = { ...claim, predicateType: trustPredicateType } as const;
    assert.deepEqual(parseStatement(writeStatement(claim)), { claim, extra: [] });
    assert.deepEqual(parseStatement(writeStatement(trust)), { claim: trust, extra: [] });
    assert.deepEqual(parseStatement(writeStatement(claim, extra(2))), { claim, extra: extra(2) });
  });

  test('names 1,023 further files and no more', () => {
    const full = writeStatement(claim, extra(subjectLimit - 1));
    assert.equal('claim' in parseStatement(full), true);
    assert.throws(() => writeStatement(claim, extra(subjectLimit)), refusedWith('USAGE', '1024 models'));
  });

  test('has its times in whole seconds, UTC', () => {
    assert.equal(timestamp(new Date('2026-11-23T12:00:00.999Z')), '2026-11-23T12:00:00Z');
  });
});

describe('a statement counts for nothing', () => {
  const name = '"name":"allow-list.json"';
  const cases: Record<string, readonly [string, RegExp]> = {
    'that is no JSON': ['x', /its statement is refused/],
    'that is a list': ['[]', /top level/],
    'with another type': [text.replace('Statement/v1', 'Statement/v2'), /_type/],
    'over another file name': [text.replace(name, '"name":"trust.json"'), /first subject is not allow-list/],
    'of a policy over a list': [text.replace('allow-list:v1', 'trust:v1'), /first subject is not trust.json/],
    'of a policy that names a model': [
      writeStatement({ ...claim, predicateType: trustPredicateType }, extra(1)).toString(),
      /about a trust policy names further files/,
    ],
    'with an upper-case digest': [text.replace('a'.repeat(64), 'A'.repeat(64)), /sha256/],
    'with another kind of digest': [text.replace('"sha256"', '"sha512"'), /digest/],
    'with a second digest': [text.replace('"sha256"', '"sha1":"","sha256"'), /digest/],
    'with version 0': [text.replace('"version":3', '"version":0'), /predicate.version/],
    'with a trust version below 0': [text.replace('"trustVersion":0', '"trustVersion":-1'), /trustVersion/],
    'with a size below 0': [text.replace('"size":10', '"size":-1'), /size/],
    'with a version that is no exact integer': [text.replace(':3,', ':9007199254740993,'), /exact integer/],
    'without a list id': [text.replace('"site"', '""'), /listId/],
    'that expires when it is issued': [text.replace('24T12', '23T12'), /expires before it was issued/],
    'with an hour that does not exist': [text.replace('24T12', '24T24'), /expires/],
    'with a leap second': [text.replace('24T12:00:00', '24T12:59:60'), /expires/],
    'with a time in another zone': [text.replace('24T12:00:00Z', '24T12:00:00+00:00'), /expires/],
    'with a key twice': [text.replace('"size"', '"version":3,"size"'), /stands twice/],
    'with something behind it': [`${text} {}`, /follow the end/],
    'with a lone surrogate': [text.replace('"site"', '"\\ud800"'), /surrogate/],
  };
  for (const [title, [spoiled, why]] of Object.entries(cases)) {
    test(title, () => {
      const outcome = parseStatement(Buffer.from(spoiled));
      assert.match('problem' in outcome ? outcome.problem : 'accepted', why);
    });
  }

  test('whatever its bytes are, and nothing is thrown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from)), (bytes) => {
        assert.equal('problem' in parseStatement(bytes), true);
      }),
      { numRuns: 200 },
    );
  });
});
