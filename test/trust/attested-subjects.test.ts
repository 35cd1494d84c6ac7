import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attestedSubjects, bundleMediaType } from '../../src/trust/index.ts';

const hex = 'ab'.repeat(32);

/** A bundle over some statement, signed by nobody: who hands it on does not verify it. */
const bundle = (statement: unknown): Buffer =>
  Buffer.from(
    JSON.stringify({
      mediaType: bundleMediaType,
      verificationMaterial: { publicKey: { hint: 'x' }, tlogEntries: [] },
      dsseEnvelope: {
        payload: Buffer.from(typeof statement === 'string' ? statement : JSON.stringify(statement)).toString(
          'base64',
        ),
        payloadType: 'application/vnd.in-toto+json',
        signatures: [{ sig: Buffer.from('sig').toString('base64'), keyid: '' }],
      },
    }),
  );
const provenance = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [
    { name: 'model', digest: { sha256: hex, sha512: 'cd'.repeat(64) } },
    { digest: { gitCommit: 'x' } },
  ],
  predicateType: 'https://slsa.dev/provenance/v1',
  predicate: { buildDefinition: { deep: [{ er: 1 }] } },
};

describe('what a bundle attests', () => {
  test('is told by the SHA-256 digests of its subjects and its predicate type, also of others', () => {
    for (const version of ['v1', 'v0.1'])
      assert.deepEqual(
        attestedSubjects(bundle({ ...provenance, _type: `https://in-toto.io/Statement/${version}` })),
        { subjects: [`sha256:${hex}`], predicateType: provenance.predicateType },
      );
  });

  for (const [what, line] of [
    ['no bundle', Buffer.from('{}')],
    ['no JSON inside', bundle('hello')],
    ['another kind of statement', bundle({ ...provenance, _type: 'https://example.com/Statement' })],
    ['no subjects', bundle({ ...provenance, subject: 'all' })],
    ['no predicate type', bundle({ ...provenance, predicateType: '' })],
    ['a key that stands twice', bundle(`{"subject":[],${JSON.stringify(provenance).slice(1)}`)],
  ] as const) {
    test(`cannot be told of ${what}`, () => assert.equal(attestedSubjects(line), undefined));
  }
});
