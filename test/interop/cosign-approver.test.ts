import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  addApproval,
  addLine,
  listPredicateType,
  makeKeyPair,
  parsePublicKey,
  parseSigningKey,
  prepareApproval,
  signingKeyFrom,
} from '../../src/trust/index.ts';
import { judge, listOf, policyCase, requestFor, sentence, verdict } from './approval-case.ts';
import { Cosign, findCosign } from './cosign.ts';

const found = findCosign('that an approval made with stock cosign alone is accepted and counts');
const needs = { skip: found.skip };

const newKey = () => signingKeyFrom(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

describe('an approver who has cosign alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  const cosign = new Cosign(found.program ?? '', folder);
  // Sealing a key takes its time: one pair serves all.
  const { privatePem, publicPem } = makeKeyPair('open sesame', randomBytes);
  const bob = parsePublicKey(publicPem);
  after(() => rmSync(folder, { recursive: true, force: true }));

  const attested = (statement: Uint8Array): Promise<string> =>
    cosign.attest(statement, privatePem, 'open sesame');

  test(
    'signs the statement with a key made here, and the list is accepted with its public half',
    needs,
    async () => {
      const list = listOf();
      const preparation = prepareApproval(requestFor(list));
      const approvals = addLine(preparation, await attested(preparation.statement));
      const outcome = await judge(list, approvals, { kind: 'key', key: bob, name: 'bob' });
      assert.deepEqual(verdict(outcome), ['bob']);
    },
  );

  test('cannot open a key made here with another passphrase', needs, async () => {
    const { statement } = prepareApproval(requestFor(listOf()));
    await assert.rejects(cosign.attest(statement, privatePem, 'open barley'), /decrypt|invalid password/);
  });

  test('makes a key pair, and the private half signs here', needs, async () => {
    const made = await cosign.run(['generate-key-pair', '--output-key-prefix', 'bob'], 'cosign password');
    assert.ok(made.ok, made.said);
    const pub = readFileSync(join(folder, 'bob.pub'), 'utf8');
    const pem = readFileSync(join(folder, 'bob.key'), 'utf8');
    const key = await parseSigningKey(pem, async () => 'cosign password');
    assert.equal(key.publicKey.id, parsePublicKey(pub).id);
    await assert.rejects(
      parseSigningKey(pem, async () => 'another'),
      { code: 'KEY_PASSPHRASE' },
    );
    const list = listOf();
    const approvals = addApproval(prepareApproval(requestFor(list)), key);
    const file = cosign.file('allow-list.json', list);
    assert.ok((await cosign.verify(approvals, { pub, type: listPredicateType, file })).ok);
    const outcome = await judge(list, approvals, { kind: 'key', key: parsePublicKey(pub), name: 'bob' });
    assert.deepEqual(verdict(outcome), ['bob']);
  });

  test('counts toward 2 of 3, with one who signs here', needs, async () => {
    const [alice, carol] = [newKey(), newKey().publicKey];
    const { trust } = policyCase({
      keys: { alice: alice.publicKey, bob, carol },
      threshold: 2,
      root: newKey(),
    });
    const list = listOf();
    const one = addApproval(prepareApproval(requestFor(list, { trustVersion: 1 })), alice);
    assert.equal(sentence(await judge(list, one, trust)), 'the allow-list has 1 of 2 approvals, by alice');
    const joined = prepareApproval(requestFor(list, { trustVersion: 1, approvals: Buffer.from(one) }));
    assert.ok(joined.joined);
    const line = await attested(joined.statement);
    const outcome = await judge(list, addLine(joined, line), trust);
    assert.deepEqual(verdict(outcome), ['alice', 'bob']);
  });

  test('comes first, and one who signs here joins the same statement', needs, async () => {
    const alice = newKey();
    const { trust } = policyCase({ keys: { alice: alice.publicKey, bob }, threshold: 2, root: newKey() });
    const list = listOf();
    const first = prepareApproval(requestFor(list, { trustVersion: 1 }));
    const alone = addLine(first, await attested(first.statement));
    const joined = prepareApproval(requestFor(list, { trustVersion: 1, approvals: Buffer.from(alone) }));
    assert.deepEqual(joined.statement, first.statement);
    assert.deepEqual(verdict(await judge(list, addApproval(joined, alice), trust)), ['alice', 'bob']);
  });

  test('signs twice, and is one approver', needs, async () => {
    const { trust } = policyCase({ keys: { alice: newKey().publicKey, bob }, threshold: 2, root: newKey() });
    const list = listOf();
    const preparation = prepareApproval(requestFor(list, { trustVersion: 1 }));
    const lines = [await attested(preparation.statement), await attested(preparation.statement)];
    assert.notEqual(lines[0], lines[1]);
    const outcome = await judge(list, lines.join('\n'), trust);
    assert.equal(sentence(outcome), 'the allow-list has 1 of 2 approvals, by bob');
  });

  test('signs the statement of another list, and it counts for nothing', needs, async () => {
    const other = prepareApproval(requestFor(listOf(Buffer.from('another manifest'))));
    const line = await attested(other.statement);
    const trust = { kind: 'key', key: bob, name: 'bob' } as const;
    assert.equal(verdict(await judge(listOf(), line, trust)), 'list-changed');
  });
});
