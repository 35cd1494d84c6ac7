import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { addLine, prepareApproval } from '../../src/trust/index.ts';
import { judge, requestFor, sentence, verdict } from './approval-case.ts';
import { Cosign, findCosign } from './cosign.ts';
import { identityTokenOf } from './identity-token.ts';
import { alice, KeylessSite, type Person } from './keyless-site.ts';

const found = findCosign('that a keyless approval made with stock cosign alone is accepted and counts');
const needs = { skip: found.skip };

const bob: Person = { san: 'https://git.example.com/bob/ci', issuer: 'https://ci.example.com' };

describe('an approver who has cosign alone, and no key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  const cosign = new Cosign(found.program ?? '', folder);
  let site: KeylessSite;
  before(async () => {
    site = await KeylessSite.start();
  });
  after(async () => {
    await site.sigstore.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const attested = ({ san, issuer }: Person, statement = site.preparation.statement): Promise<string> =>
    cosign.attestKeyless(statement, {
      url: site.sigstore.url,
      token: identityTokenOf({ iss: issuer, sub: san }),
      trustedRoot: site.trustedRoot,
    });

  test(
    'signs the statement, and the list is accepted offline under the pinned trusted root',
    needs,
    async () => {
      const line = await attested(alice);
      assert.deepEqual(verdict(await judge(site.list, site.approvals(line), site.trust())), ['alice']);
    },
  );

  test('counts toward 2 of 2, with one who signed here before', needs, async () => {
    const identities = [
      { name: 'alice', ...alice },
      { name: 'bob', ...bob },
    ];
    const trust = site.trust({ identities, threshold: 2 });
    const alone = site.approvals(await site.sign());
    const joined = prepareApproval(requestFor(site.list, { trustVersion: 1, approvals: Buffer.from(alone) }));
    assert.ok(joined.joined);
    const both = addLine(joined, await attested(bob, joined.statement));
    assert.deepEqual(verdict(await judge(site.list, both, trust)), ['alice', 'bob']);
  });

  test('counts for nothing when the policy does not name them', needs, async () => {
    const outcome = await judge(site.list, site.approvals(await attested(bob)), site.trust());
    assert.equal(verdict(outcome), 'list-not-approved');
    assert.match(sentence(outcome), /^the allow-list has 0 of 1 approvals, by nobody/);
  });
});
