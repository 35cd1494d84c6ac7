import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { identityIn } from '../../src/trust/keyless-identity.ts';
import { judge, sentence, verdict } from '../interop/approval-case.ts';
import { alice, KeylessSite } from '../interop/keyless-site.ts';

const oid = (text: string) => ({ id: text.split('.').map(Number) });
const issuerValue = (text: string) => ({ oid: oid('1.3.6.1.4.1.57264.1.8'), value: Buffer.from(text) });
const sanValue = (value: Uint8Array) => ({ oid: oid('2.5.29.17'), value });
const issuer = alice.issuer;

describe('who a certificate names', () => {
  let site: KeylessSite;
  before(async () => {
    site = await KeylessSite.start();
  });
  after(() => site.sigstore.stop());

  test('a name is what its bytes say, not what they say without their eighth bits', async () => {
    const trust = site.trust();
    // One byte e1, whose lower seven bits are those of the letter a.
    const line = await site.sign({ ...alice, san: '\u00e1lice@example.com' });
    const outcome = await judge(site.list, site.approvals(line), trust);
    assert.equal(verdict(outcome), 'list-not-approved');
    assert.match(sentence(outcome), /its certificate is refused: .*not valid for encoding utf-8$/);
  });

  test('an issuer is what its bytes say: U+FABEF is not s://', async () => {
    const line = await site.sign({ ...alice, issuer: 'http\u{fabef}accounts.example.com' });
    const outcome = await judge(site.list, site.approvals(line), site.trust());
    assert.equal(verdict(outcome), 'list-not-approved');
    const identities = [{ name: 'alice', san: alice.san, issuer: 'http\u{fabef}accounts.example.com' }];
    assert.deepEqual(verdict(await judge(site.list, site.approvals(line), site.trust({ identities }))), [
      'alice',
    ]);
  });

  test('name and issuer are the ends of their extensions', () => {
    const value = Buffer.from('\u0030\u0011\u0081\u000falice@example.com', 'latin1');
    const oids = [sanValue(value), issuerValue(`\u000c\u001c${issuer}`)];
    const certified = { subjectAlternativeName: alice.san, extensions: { issuer }, oids };
    assert.deepEqual(identityIn(certified), alice);
    const older = { oid: oid('1.3.6.1.4.1.57264.1.1'), value: Buffer.from(issuer) };
    assert.deepEqual(identityIn({ ...certified, oids: [sanValue(value), older] }), alice);
  });

  test('a certificate with several names is not read', () => {
    const value = Buffer.from('alice@example.com\u0081\u0003bob', 'latin1');
    const oids = [sanValue(value), issuerValue(issuer)];
    assert.throws(
      () => identityIn({ subjectAlternativeName: alice.san, extensions: { issuer }, oids }),
      /it has several names/,
    );
  });

  test('a certificate without a name or without an issuer names nobody', () => {
    const oids = [sanValue(Buffer.from(alice.san)), issuerValue(issuer)];
    const certified = { subjectAlternativeName: alice.san, extensions: { issuer }, oids };
    for (const less of [
      undefined,
      {},
      { ...certified, oids: [] },
      { ...certified, oids: oids.slice(1) },
      { ...certified, oids: oids.slice(0, 1) },
      { ...certified, subjectAlternativeName: '' },
      { ...certified, extensions: {} },
      { extensions: { issuer }, oids },
    ]) {
      assert.throws(() => identityIn(less), /it names nobody/, JSON.stringify(less));
    }
  });
});
