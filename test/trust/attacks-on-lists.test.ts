/** The attacks of the design's checklist that lie in the list itself or need a policy, each under its name. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDigest } from '../../src/oci/index.ts';
import type { AcceptanceRules, ListMemory } from '../../src/trust/index.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { bundle, judge, listBytes, now, statement, TestSigner, verdict } from '../fixtures/signed-list.ts';
import { policyOf, signedPolicy, trustBy } from '../fixtures/signed-policy.ts';

const [alice, bob, carol, dave] = ['alice', 'bob', 'carol', 'dave'].map((name) => new TestSigner(name)) as [
  TestSigner,
  TestSigner,
  TestSigner,
  TestSigner,
];
const approval = (signer: TestSigner, predicate: object = {}, bytes: Uint8Array = listBytes) =>
  bundle(signer, JSON.stringify(statement(bytes, predicate)));

const text = listBytes.toString('utf8');
const listKey = '"listId"';

describe('an approved list that readers could read differently is refused', () => {
  for (const [name, spoiled] of Object.entries({
    'duplicate key in the list': text.replace(listKey, `"version":9,${listKey}`),
    'duplicate key in the list, escaped': text.replace(listKey, `"\\u0076ersion":9,${listKey}`),
    'a key of the list in another case': text.replace(listKey, `"Version":9,${listKey}`),
    '__proto__ in the list': text.replace(listKey, `"__proto__":{"version":9},${listKey}`),
    'constructor as model name': text.replace('registry.ollama.ai/library/sample:latest', 'constructor'),
    'unknown field in the list': text.replace(listKey, `"extra":1,${listKey}`),
    'the version of the list as a string': text.replace('"version": 3', '"version": "3"'),
    'the version of the list beyond every number': text.replace('"version": 3', '"version": 1e400'),
    'a depth bomb in the list': text.replace(listKey, `"extra":${'['.repeat(100_000)},${listKey}`),
    'a byte order mark in the list': `\ufeff${text}`,
    'something after the list': `${text}{}`,
  })) {
    test(name, async () => {
      const bytes = Buffer.from(spoiled);
      assert.notEqual(spoiled, text);
      assert.equal(
        verdict(await judge([approval(alice, {}, bytes)], alice.trust, {}, bytes)),
        'list-malformed',
      );
    });
  }

  test('__proto__ as model name makes no list, and reaches no prototype', async () => {
    const bytes = Buffer.from(text.replace('registry.ollama.ai/library/sample:latest', '__proto__'));
    const outcome = await judge([approval(alice, {}, bytes)], alice.trust, {}, bytes);
    assert.equal(verdict(outcome), 'list-malformed');
    assert.equal('manifest' in {}, false);
  });

  test('__proto__ as a part of a model name is a part like any other', async () => {
    const bytes = Buffer.from(text.replace('library/sample', '__proto__/sample'));
    const outcome = await judge([approval(alice, {}, bytes)], alice.trust, {}, bytes);
    assert.deepEqual(outcome.accepted && [...outcome.list.models.keys()], [
      'registry.ollama.ai/__proto__/sample:latest',
    ]);
  });

  test('bad UTF-8 in the list', async () => {
    const bytes = Buffer.concat([listBytes, Buffer.from([0xff])]);
    assert.equal(
      verdict(await judge([approval(alice, {}, bytes)], alice.trust, {}, bytes)),
      'list-malformed',
    );
  });
});

describe('an approval that says otherwise of a model than the list is refused', () => {
  const sample = 'registry.ollama.ai/library/sample:latest';
  const named = (name: string, digit: string) => {
    const claim = statement();
    return { ...claim, subject: [...claim.subject, { name, digest: { sha256: digit.repeat(64) } }] };
  };
  const by = (claim: object) => judge([bundle(alice, JSON.stringify(claim))], alice.trust);

  for (const [what, name, digit] of [
    ['another manifest of a listed model', sample, 'e'],
    ['a layer of it as its manifest', sample, '3'],
    ['its manifest under another name', 'registry.ollama.ai/library/other:latest', '1'],
    ['its manifest under its name in another case', sample.replace('sample', 'Sample'), '1'],
    ['a model that is called __proto__', '__proto__', '1'],
  ] as const)
    test(what, async () => {
      const outcome = await by(named(name, digit));
      assert.equal(verdict(outcome), 'list-malformed');
      assert.equal(
        outcome.facts.at(-1)?.message,
        `the approval names ${name} with the manifest ${digit.repeat(12)}, and the list does not`,
      );
    });

  test('and one that names the model as the list does is accepted', async () => {
    assert.equal(verdict(await by(named(sample, '1'))), 'accepted');
  });
});

describe('an attack on the envelope is refused', () => {
  const payload = Buffer.from(JSON.stringify(statement())).toString('base64');
  const signature = alice.signature(Buffer.from(JSON.stringify(statement())));

  for (const [name, text64] of Object.entries({
    'garbage in base64 of the payload': `!${payload}`,
    'garbage behind base64 of the payload': `${payload}*`,
    'a space in base64 of the payload': `${payload.slice(0, 8)} ${payload.slice(8)}`,
  })) {
    test(name, async () => {
      const made = approval(alice);
      made.dsseEnvelope.payload = text64;
      assert.equal(verdict(await judge([made], alice.trust)), 'list-not-approved');
    });
  }

  for (const [name, sig] of Object.entries({
    'garbage in base64 of the signature': `!${signature}`,
    'base64 with a newline in the signature': `${signature.slice(0, 8)}\n${signature.slice(8)}`,
    'an empty signature': '',
  })) {
    test(name, async () => {
      const made = approval(alice);
      made.dsseEnvelope.signatures = [{ sig, keyid: '' }];
      assert.equal(verdict(await judge([made], alice.trust)), 'list-not-approved');
    });
  }

  test('base64 for URLs in the signature', async () => {
    // A signature whose two spellings differ: ECDSA makes another one each time.
    const bytes = Buffer.from(JSON.stringify(statement()));
    let sig = alice.signature(bytes);
    while (!/[+/]/.test(sig)) sig = alice.signature(bytes);
    const made = approval(alice);
    made.dsseEnvelope.signatures = [{ sig, keyid: '' }];
    assert.equal(verdict(await judge([made], alice.trust)), 'accepted');
    made.dsseEnvelope.signatures = [{ sig: sig.replaceAll('+', '-').replaceAll('/', '_'), keyid: '' }];
    assert.equal(verdict(await judge([made], alice.trust)), 'list-not-approved');
  });
});

describe('an attack with a policy of its own is refused', () => {
  const first = signedPolicy(policyOf([alice, bob, carol], 2), [alice, bob]);
  const known: ListMemory = {
    listId: 'site',
    listVersion: 3,
    listDigest: parseDigest(sha256(listBytes)),
    trustVersion: 1,
    trustDigest: parseDigest(sha256(first.bytes)),
    lastTime: now,
  };
  const rules: Partial<AcceptanceRules> = {
    recall: (listId) => (listId === known.listId ? known : undefined),
  };
  const lines = (signers: readonly TestSigner[], predicate: object = {}) =>
    signers.map((signer) => approval(signer, predicate));

  test('list of another site', async () => {
    const bytes = Buffer.from(text.replace('"site"', '"elsewhere"'));
    const made = [alice, bob].map((signer) => approval(signer, { listId: 'elsewhere' }, bytes));
    assert.equal(verdict(await judge(made, trustBy([first]), {}, bytes)), 'list-of-another');
  });

  test('the key of a signer who was removed', async () => {
    const two = signedPolicy(policyOf([alice, bob], 2, { version: 2 }), [alice, bob]);
    assert.equal(
      verdict(await judge(lines([alice, carol]), trustBy([first, two]), rules)),
      'list-not-approved',
    );
    assert.equal(verdict(await judge(lines([alice, bob]), trustBy([first, two]), rules)), 'accepted');
  });

  const stolen = policyOf([dave, carol], 1);
  const padding = ' '.repeat(5000);
  for (const [name, spelled] of Object.entries({
    'as it is written here': JSON.stringify(stolen),
    'with its list id behind 5,000 bytes': JSON.stringify(stolen).replace('{', `{${padding}`),
    'with its list id spelled with an escape': JSON.stringify(stolen).replace('"site"', '"s\\u0069te"'),
  })) {
    test(`a policy of strangers in the place of the accepted one is no first contact: ${name}`, async () => {
      const other = signedPolicy(spelled, [dave]);
      assert.equal(
        verdict(await judge(lines([dave]), trustBy([other]), { recall: () => undefined })),
        'accepted',
      );
      assert.equal(verdict(await judge(lines([dave]), trustBy([other]), rules)), 'trust-rolled-back');
    });
  }
});
