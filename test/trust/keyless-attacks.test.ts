import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  addApproval,
  prepareApproval,
  publicKeyFrom,
  type Trust,
  writeStatement,
} from '../../src/trust/index.ts';
import { signingKeyFrom } from '../../src/trust/signing-key.ts';
import { judge, listOf, requestFor, sentence, verdict } from '../interop/approval-case.ts';
import { alice, type BundleJson, damaged, KeylessSite, readBundle } from '../interop/keyless-site.ts';

const nobody = 'nobody who may approve signed it, or it was changed after it was signed';

const stranger = ({ san, issuer }: { san: string; issuer: string }): string =>
  `it is signed by ${san} (${issuer}), whom the policy does not name`;

describe('a keyless approval that somebody tampered with', () => {
  let site: KeylessSite;
  let trust: Trust;
  /** Witnessed by a log and a timestamp authority; by the log; by the authority. */
  let [whole, logged, stamped, another] = ['', '', '', ''];
  before(async () => {
    site = await KeylessSite.start();
    trust = site.trust();
    whole = await site.sign();
    logged = await site.sign(alice, { tsa: false });
    stamped = await site.sign(alice, { rekor: false });
    another = await site.sign();
  });
  after(() => site.sigstore.stop());

  /** Counts for nothing, and this is why. */
  async function refused(line: string, why: string, by: Trust = trust): Promise<void> {
    const outcome = await judge(site.list, site.approvals(line), by);
    assert.equal(verdict(outcome), 'list-not-approved');
    assert.equal(sentence(outcome), `the allow-list has 0 of 1 approvals, by nobody; approval 1: ${why}`);
  }

  const material = (bundle: BundleJson) => bundle.verificationMaterial;

  test('is accepted as long as nobody did', async () => {
    for (const line of [whole, logged, stamped, another]) {
      assert.deepEqual(verdict(await judge(site.list, site.approvals(line), trust)), ['alice']);
    }
  });

  for (const san of [
    'xalice@example.com',
    'alice@example.com.attacker.example',
    'alice@example.co',
    'Alice@example.com',
    'alice@example.com ',
    'aliceXexample.com',
  ]) {
    test(`the name in the certificate is not exactly Alice's: ${JSON.stringify(san)}`, async () => {
      await refused(await site.sign({ ...alice, san }), stranger({ ...alice, san }));
    });
  }

  for (const issuer of [
    'https://accounts.example.org',
    'https://accounts.example.com/',
    'http://accounts.example.com',
    'https://accounts.example.com.attacker.example',
  ]) {
    test(`another issuer vouches for the name: ${issuer}`, async () => {
      await refused(await site.sign({ ...alice, issuer }), stranger({ ...alice, issuer }));
    });
  }

  test('a policy that wants a pattern gets no pattern: names are compared as they are written', async () => {
    const identities = [{ name: 'alice', san: '.*', issuer: '^https://accounts\\.example\\.com$' }];
    await refused(whole, stranger(alice), site.trust({ identities }));
  });

  test('the log entry is taken away, and no time is left', async () => {
    const line = damaged(logged, (bundle) => {
      material(bundle).tlogEntries = [];
    });
    await refused(line, 'its certificate is refused: expected 1 timestamps, got 0');
  });

  test('the timestamp is taken away, and no time is left', async () => {
    const line = damaged(stamped, (bundle) => {
      delete material(bundle).timestampVerificationData;
    });
    await refused(line, 'its certificate is refused: expected 1 timestamps, got 0');
  });

  test('log entry and timestamp are taken away', async () => {
    const line = damaged(whole, (bundle) => {
      material(bundle).tlogEntries = [];
      material(bundle).timestampVerificationData = { rfc3161Timestamps: [] };
    });
    await refused(line, 'its certificate is refused: expected 1 timestamps, got 0');
  });

  test('one witness is enough: without the log entry the timestamp still holds', async () => {
    const line = damaged(whole, (bundle) => {
      material(bundle).tlogEntries = [];
    });
    assert.deepEqual(verdict(await judge(site.list, site.approvals(line), trust)), ['alice']);
  });

  test('the signed time of the log entry is taken away', async () => {
    const line = damaged(logged, (bundle) => {
      delete material(bundle).tlogEntries[0]?.inclusionPromise;
    });
    await refused(line, 'its certificate is refused: expected 1 timestamps, got 0');
  });

  test('the proof that the log holds the entry is taken away', async () => {
    const line = damaged(logged, (bundle) => {
      delete material(bundle).tlogEntries[0]?.inclusionProof;
    });
    await refused(line, 'its certificate is refused: invalid bundle');
  });

  test('the time of the log entry is another', async () => {
    const line = damaged(logged, (bundle) => {
      const [entry] = material(bundle).tlogEntries;
      if (entry !== undefined) entry.integratedTime = String(Number(entry.integratedTime) + 1);
    });
    await refused(line, 'its certificate is refused: inclusion promise could not be verified');
  });

  test('the log entry is that of another signature', async () => {
    const line = damaged(whole, (bundle) => {
      material(bundle).tlogEntries = material(readBundle(another)).tlogEntries;
    });
    await refused(line, 'its certificate is refused: tlog entry signature mismatch');
  });

  test('the timestamp is that of another signature', async () => {
    const line = damaged(stamped, (bundle) => {
      const other = material(readBundle(another)).timestampVerificationData;
      if (other !== undefined) material(bundle).timestampVerificationData = other;
    });
    await refused(line, 'its certificate is refused: timestamp could not be verified');
  });

  test('one log entry is there twice', async () => {
    const line = damaged(logged, (bundle) => {
      material(bundle).tlogEntries.push(...material(bundle).tlogEntries);
    });
    await refused(line, 'its certificate is refused: duplicate timestamp');
  });

  test('the certificate is that of another signature', async () => {
    const line = damaged(stamped, (bundle) => {
      const { certificate } = material(readBundle(another));
      if (certificate !== undefined) material(bundle).certificate = certificate;
    });
    await refused(line, 'its certificate is refused: signature verification failed');
  });

  test('another statement is signed with the same words around it', async () => {
    const line = damaged(stamped, ({ dsseEnvelope }) => {
      const { claim } = site.preparation;
      const longer = { ...claim, expires: new Date(claim.expires.getTime() + 1000) };
      dsseEnvelope.payload = writeStatement(longer).toString('base64');
    });
    await refused(line, 'its certificate is refused: signature verification failed');
  });

  test('the certificate is relabelled as a key', async () => {
    const line = damaged(whole, (bundle) => {
      const { certificate } = material(bundle);
      const hint = createHash('sha256').update(Buffer.from(certificate?.rawBytes ?? '', 'base64'));
      delete material(bundle).certificate;
      material(bundle).publicKey = { hint: hint.digest('base64') };
    });
    const stranger = publicKeyFrom(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
    await refused(line, nobody);
    await refused(line, nobody, site.trust({ keys: { stranger } }));
  });

  test('certificate and key are both there', async () => {
    const line = damaged(whole, (bundle) => {
      material(bundle).publicKey = { hint: 'x' };
    });
    await refused(line, 'it must have either a key or a certificate');
  });

  test("a key's approval is relabelled as the certificate's", async () => {
    const thief = signingKeyFrom(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const line = damaged(addApproval(prepareApproval(requestFor(site.list)), thief).trim(), (bundle) => {
      bundle.verificationMaterial = material(readBundle(whole));
    });
    await refused(line, 'its certificate is refused: timestamp could not be verified');
  });

  test('the approval of another list is put beside this one', async () => {
    const outcome = await judge(listOf(Buffer.from('another manifest')), whole, trust);
    assert.equal(verdict(outcome), 'list-changed');
  });
});
