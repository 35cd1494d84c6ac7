import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { listPredicateType } from '../../src/trust/index.ts';
import { judge, sentence, verdict } from './approval-case.ts';
import { Cosign, findCosign } from './cosign.ts';
import { alice, KeylessSite, type Person } from './keyless-site.ts';

const found = findCosign('that stock cosign accepts a keyless approval under the same trusted root');
const needs = { skip: found.skip };

describe('a keyless approval', () => {
  let site: KeylessSite;
  const lines = new Map<string, string>();
  before(async () => {
    site = await KeylessSite.start();
    lines.set('a log and a timestamp authority', await site.sign());
    lines.set('a log', await site.sign(alice, { tsa: false }));
    lines.set('a timestamp authority', await site.sign(alice, { rekor: false }));
    // From here on nobody could be asked.
    await site.sigstore.stop();
  });

  const lineOf = (witnesses: string): string => lines.get(witnesses) ?? '';

  for (const witnesses of ['a log and a timestamp authority', 'a log', 'a timestamp authority']) {
    test(`witnessed by ${witnesses} is accepted offline, under the pinned trusted root`, async () => {
      const outcome = await judge(site.list, site.approvals(lineOf(witnesses)), site.trust());
      assert.deepEqual(verdict(outcome), ['alice']);
    });
  }

  test('by the same person twice makes one approver, by two people two', async () => {
    const second = await KeylessSite.start();
    const bob: Person = { san: 'https://git.example.com/bob/ci', issuer: 'https://ci.example.com' };
    const [once, twice, other] = [await second.sign(), await second.sign(), await second.sign(bob)];
    await second.sigstore.stop();
    const identities = [
      { name: 'alice', ...alice },
      { name: 'bob', ...bob },
    ];
    const trust = second.trust({ identities, threshold: 2 });
    const alone = await judge(second.list, [once, twice].join('\n'), trust);
    assert.equal(sentence(alone), 'the allow-list has 1 of 2 approvals, by alice');
    const both = await judge(second.list, [once, other].join('\n'), trust);
    assert.deepEqual(verdict(both), ['alice', 'bob']);
  });

  describe('in stock cosign', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vm-'));
    const cosign = new Cosign(found.program ?? '', folder);
    after(() => rmSync(folder, { recursive: true, force: true }));

    const verify = (witnesses: string, { san, issuer } = alice, file: Uint8Array = site.list) =>
      cosign.run([
        'verify-blob-attestation',
        ...['--bundle', cosign.file('approval.json', lineOf(witnesses))],
        ...['--trusted-root', cosign.file('trusted_root.json', site.trustedRoot)],
        ...['--certificate-identity', san, '--certificate-oidc-issuer', issuer, '--type', listPredicateType],
        ...(witnesses === 'a timestamp authority'
          ? ['--insecure-ignore-tlog', '--use-signed-timestamps']
          : []),
        cosign.file('allow-list.json', file),
      ]);

    for (const witnesses of ['a log and a timestamp authority', 'a log', 'a timestamp authority']) {
      test(`witnessed by ${witnesses} is accepted under the same trusted root`, needs, async () => {
        const { ok, said } = await verify(witnesses);
        assert.match(said, /^Verified OK$/m);
        assert.ok(ok);
      });
    }

    test('is refused for another person, for another issuer and for another list', needs, async () => {
      const runs = [
        await verify('a log', { ...alice, san: 'lice@example.com' }),
        await verify('a log', { ...alice, issuer: 'https://accounts.example.co' }),
        await verify('a log', alice, Buffer.from('{}')),
      ];
      assert.deepEqual(
        runs.map(({ ok }) => ok),
        [false, false, false],
      );
      assert.match(runs[0]?.said ?? '', /no matching CertificateIdentity found/);
      assert.match(runs[1]?.said ?? '', /no matching CertificateIdentity found/);
      assert.match(runs[2]?.said ?? '', /do not match digests in statement/);
    });
  });
});
