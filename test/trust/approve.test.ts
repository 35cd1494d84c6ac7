import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { parseDigest } from '../../src/oci/index.ts';
import { type ApprovalRequest, addApproval, addLine, prepareApproval } from '../../src/trust/approve.ts';
import { signBundle } from '../../src/trust/bundle.ts';
import { signingKeyFrom } from '../../src/trust/signing-key.ts';
import { listPredicateType, trustPredicateType, writeStatement } from '../../src/trust/statement.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { listBytes, now } from '../fixtures/signed-list.ts';

const newKey = () => signingKeyFrom(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
const [alice, bob, mallory] = [newKey(), newKey(), newKey()];

const request = (approvals = '', changes: Partial<ApprovalRequest> = {}): ApprovalRequest => ({
  ...{ predicateType: listPredicateType, file: listBytes, listId: 'site', version: 3, trustVersion: 0 },
  ...{ now, validityDays: 90, approvals: Buffer.from(approvals), renew: false, subjects: [] },
  ...changes,
});
const later = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const byAlice = addApproval(prepareApproval(request()), alice);

describe('a signer', () => {
  test('makes a statement of these bytes when there is none, from now on, in whole seconds', () => {
    const made = prepareApproval(request('', { now: new Date(now.getTime() + 999) }));
    assert.equal(made.joined, false);
    assert.deepEqual([made.claim.issued, made.claim.expires], [now, later(90)]);
    assert.deepEqual(made.statement, writeStatement(made.claim));
    assert.deepEqual([made.kept.length, made.dropped], [0, 0]);
  });

  test('joins the statement that another made over the same bytes, byte for byte', () => {
    const made = prepareApproval(request(byAlice, { now: later(10), validityDays: 5 }));
    assert.equal(made.joined, true);
    assert.deepEqual(made.statement, prepareApproval(request()).statement);
    assert.deepEqual(made.claim.expires, later(90));
    const text = addApproval(made, bob);
    assert.equal(text.split('\n').length, 3);
    assert.ok(text.startsWith(byAlice));
  });

  test('approves once: the same key again is refused, and --renew makes another statement beside', () => {
    assert.throws(
      () => addApproval(prepareApproval(request(byAlice, { now: later(1) })), alice),
      refusedWith('ALREADY_APPROVED', alice.publicKey.id.slice(0, 12)),
    );
    const renewed = prepareApproval(request(byAlice, { now: later(1), renew: true }));
    assert.deepEqual([renewed.joined, renewed.kept.length, renewed.dropped], [false, 1, 0]);
    assert.deepEqual(renewed.claim.expires, later(91));
    assert.ok(addApproval(renewed, alice).startsWith(byAlice));
  });

  test('joins the statement that was issued last', () => {
    const renewed = prepareApproval(request(byAlice, { now: later(1), renew: true }));
    const both = addApproval(renewed, alice);
    assert.deepEqual(prepareApproval(request(both, { now: later(2) })).claim.issued, later(1));
  });

  for (const [name, changes] of Object.entries({
    'that expired': { now: later(90) },
    'that is from the future': { now: new Date(now.getTime() - 300_001) },
    'of another trust version': { trustVersion: 1 },
    'of another version': { version: 4 },
    'of another list': { listId: 'elsewhere' },
  })) {
    test(`does not join a statement ${name}; its line stays`, () => {
      const made = prepareApproval(request(byAlice, changes));
      assert.deepEqual([made.joined, made.kept.length, made.dropped], [false, 1, 0]);
    });
  }

  test('joins until the last second, and with a clock that is five minutes slow', () => {
    assert.equal(prepareApproval(request(byAlice, { now: new Date(later(90).getTime() - 1) })).joined, true);
    assert.equal(prepareApproval(request(byAlice, { now: new Date(now.getTime() - 300_000) })).joined, true);
  });

  test('drops approvals of other bytes and of another kind, and what is no approval', () => {
    const other = addApproval(prepareApproval(request('', { file: Buffer.from('other') })), alice);
    const trust = addApproval(prepareApproval(request('', { predicateType: trustPredicateType })), alice);
    const made = prepareApproval(request(`{}\n${other}${byAlice}\nnonsense\n${trust}`));
    assert.deepEqual([made.joined, made.kept.length, made.dropped], [true, 1, 4]);
    const text = addApproval(made, bob);
    assert.equal(text.split('\n').length, 3);
    assert.ok(text.startsWith(byAlice));
  });
});

describe('a line that somebody planted', () => {
  const name = 'registry.ollama.ai/library/sample:latest';
  const model = (digit: string, as = name) => ({
    name: as,
    digest: parseDigest(`sha256:${digit.repeat(64)}`),
  });
  /** A list of one model, whose note speaks of another manifest; its layer has the digest 333. */
  const listed = [model('1')];
  const file = Buffer.from(listBytes.toString().replace(/}\s*$/, `,"note":"${model('e').digest}"}`));
  const asked = (approvals = '') => request(approvals, { file, listed });
  const planted = (...extra: ReturnType<typeof model>[]) =>
    `${signBundle(writeStatement(prepareApproval(asked()).claim, extra), mallory)}\n`;

  for (const [what, extra] of [
    ['a manifest that only a note of the list speaks of', model('e')],
    ['a layer of a listed model, as if it were its manifest', model('3')],
    ['a listed manifest under another name', model('1', 'registry.ollama.ai/library/other:latest')],
    ['what stands nowhere in the list', model('f', 'a model')],
  ] as const)
    test(`lends no signature to ${what}`, () => {
      const made = prepareApproval(asked(planted(extra)));
      assert.equal(made.joined, false);
      assert.deepEqual(made.statement, prepareApproval(asked()).statement);
    });

  test('is joined when it names models as the list does, and nothing else', () => {
    assert.equal(prepareApproval(asked(planted(model('1')))).joined, true);
    assert.equal(prepareApproval(asked(planted(model('1'), model('3', 'a')))).joined, false);
  });
});

describe('the approvals file', () => {
  test('holds 64 lines and no more, whoever signs', () => {
    const full = prepareApproval(request(byAlice.repeat(63)));
    assert.equal(addLine(full, 'a line').split('\n').length, 65);
    const over = prepareApproval(request(byAlice.repeat(64)));
    assert.throws(() => addLine(over, 'a line'), refusedWith('USAGE', 'there are 64 approvals already'));
    assert.throws(() => addApproval(over, bob), refusedWith('USAGE', 'there are 64 approvals already'));
  });

  test('is written without the blanks and the CR of its lines', () => {
    const text = `\r\n  ${byAlice.trim()} \r\n\r\n`;
    assert.equal(addLine(prepareApproval(request(text)), 'next'), `${byAlice.trim()}\nnext\n`);
  });
});
