import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Trust } from '../../src/trust/index.ts';
import { judge, sentence, verdict } from '../interop/approval-case.ts';
import { alice, KeylessSite } from '../interop/keyless-site.ts';
import type { TrustedLog, TrustedRootJson } from '../interop/trusted-root.ts';

const bytesOf = (root: object): Buffer => Buffer.from(JSON.stringify(root));

const days = (count: number): string => new Date(Date.now() + count * 86_400_000).toISOString();

/** The same logs, valid at other times. */
const during = (logs: readonly TrustedLog[], validFor: object | undefined): readonly object[] =>
  logs.map((log) => ({ ...log, publicKey: { ...log.publicKey, validFor } }));

describe('a keyless approval and the pinned trusted root', () => {
  let site: KeylessSite;
  let other: KeylessSite;
  let [whole, logged, stamped] = ['', '', ''];
  before(async () => {
    site = await KeylessSite.start();
    other = await KeylessSite.start();
    whole = await site.sign();
    logged = await site.sign(alice, { tsa: false });
    stamped = await site.sign(alice, { rekor: false });
  });
  after(async () => {
    await site.sigstore.stop();
    await other.sigstore.stop();
  });

  async function refused(line: string, trust: Trust, why: string): Promise<void> {
    const outcome = await judge(site.list, site.approvals(line), trust);
    assert.equal(verdict(outcome), 'list-not-approved');
    assert.equal(
      sentence(outcome),
      `the allow-list has 0 of 1 approvals, by nobody; approval 1: its certificate is refused: ${why}`,
    );
  }

  /** A policy that pins a trusted root that is not right. */
  const pinning = (change: (root: TrustedRootJson) => object): Trust =>
    site.trust({ pinned: bytesOf({ ...site.sigstore.trustedRoot, ...change(site.sigstore.trustedRoot) }) });

  test("another Sigstore's approval, by somebody of the same name, counts for nothing", async () => {
    const trust = other.trust();
    await refused(whole, trust, 'timestamp could not be verified');
    await refused(stamped, trust, 'timestamp could not be verified');
    await refused(logged, trust, 'Failed to verify certificate chain');
  });

  test("another Sigstore's certificate counts for nothing, although the site's own services witness it", async () => {
    for (const witnesses of [{}, { tsa: false }, { rekor: false }]) {
      const line = await site.sign(alice, { ...witnesses, at: other.sigstore });
      await refused(line, site.trust(), 'Failed to verify certificate chain');
    }
  });

  test('a trusted root that is not the pinned one is not read', async () => {
    const why = 'cannot use the trusted root: trusted_root.json is not the one the policy pins';
    await refused(whole, site.trust({ beside: () => other.trustedRoot }), why);
    const spaced = Buffer.concat([site.trustedRoot, Buffer.from('\n')]);
    await refused(whole, site.trust({ beside: () => spaced }), why);
  });

  test('a trusted root that is missing', async () => {
    const why = 'cannot use the trusted root: trusted_root.json does not lie beside the policy';
    await refused(whole, site.trust({ beside: () => undefined }), why);
  });

  for (const logs of ['tlogs', 'ctlogs'] as const) {
    test(`a trusted root in which one of the ${logs} does not say since when it is valid`, async () => {
      for (const validFor of [undefined, {}, { end: days(1) }]) {
        const trust = pinning((root) => ({ [logs]: during(root[logs], validFor) }));
        const why = 'cannot use the trusted root: a log in it does not say since when it is valid';
        for (const line of [whole, logged, stamped]) await refused(line, trust, why);
      }
    });
  }

  test('a log whose time has not come, or is over', async () => {
    for (const validFor of [{ start: days(1) }, { start: days(-3), end: days(-2) }]) {
      const entries = pinning((root) => ({ tlogs: during(root.tlogs, validFor) }));
      await refused(logged, entries, 'inclusion promise could not be verified');
      const certificates = pinning((root) => ({ ctlogs: during(root.ctlogs, validFor) }));
      await refused(logged, certificates, 'SCT verification failed');
    }
  });

  test('an authority whose time has not come, or is over', async () => {
    for (const validFor of [{ start: days(1) }, { start: days(-3), end: days(-2) }]) {
      const at = (authorities: readonly object[]) => authorities.map((one) => ({ ...one, validFor }));
      const certificates = pinning((root) => ({ certificateAuthorities: at(root.certificateAuthorities) }));
      await refused(whole, certificates, 'Failed to verify certificate chain');
      const timestamps = pinning((root) => ({ timestampAuthorities: at(root.timestampAuthorities) }));
      await refused(stamped, timestamps, 'timestamp could not be verified');
    }
  });

  test('a trusted root without logs or without timestamp authorities witnesses nothing', async () => {
    await refused(
      logged,
      pinning(() => ({ tlogs: [] })),
      'inclusion promise could not be verified',
    );
    await refused(
      stamped,
      pinning(() => ({ timestampAuthorities: [] })),
      'timestamp could not be verified',
    );
    await refused(
      whole,
      pinning(() => ({ certificateAuthorities: [] })),
      'Failed to verify certificate chain',
    );
  });

  test('a trusted root that is ambiguous, cut off, or another kind of document', async () => {
    const text = site.trustedRoot.toString('utf8');
    const twice = text.replace('{', '{"tlogs":[],');
    const cases = [
      [twice, 'the key "tlogs" stands twice in one object'],
      [text.slice(0, -1), 'it ends too early'],
    ] as const;
    for (const [damaged, why] of cases) {
      await refused(
        whole,
        site.trust({ pinned: Buffer.from(damaged) }),
        `cannot use the trusted root: ${why}`,
      );
    }
    for (const json of ['null', '[]', '{}', '"x"', '{"tlogs":[{}]}', '{"certificateAuthorities":[null]}']) {
      const outcome = await judge(
        site.list,
        site.approvals(whole),
        site.trust({ pinned: Buffer.from(json) }),
      );
      assert.equal(verdict(outcome), 'list-not-approved', json);
    }
  });

  test('a certificate that no log was told of', async () => {
    const unlogged = await KeylessSite.start({ unlogged: true });
    const line = await unlogged.sign();
    await unlogged.sigstore.stop();
    const outcome = await judge(unlogged.list, unlogged.approvals(line), unlogged.trust());
    assert.match(sentence(outcome), /: expected 1 SCTs, got 0$/);
    assert.equal(verdict(outcome), 'list-not-approved');
  });

  test('a signature made after its certificate had expired', async () => {
    const late = await KeylessSite.start({ timestampsAhead: 11 * 60_000 });
    const line = await late.sign(alice, { rekor: false });
    await late.sigstore.stop();
    const outcome = await judge(late.list, late.approvals(line), late.trust());
    assert.match(sentence(outcome), /: Failed to verify certificate chain$/);
    assert.equal(verdict(outcome), 'list-not-approved');
  });
});
