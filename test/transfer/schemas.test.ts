import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { GapSite } from '../fixtures/gap-site.ts';

const schemaOf = (name: string) =>
  new Ajv({ allErrors: true }).compile(
    JSON.parse(readFileSync(new URL(`../../manifests/schema/${name}.v1.json`, import.meta.url), 'utf8')),
  );

interface Looked {
  readonly models: readonly unknown[] | null;
  readonly verdict: string;
  readonly approvals: unknown;
  readonly changes: { readonly new: readonly string[] };
}

test('the index of an archive is what its schema says, with a list, a base and without', async () => {
  const fits = schemaOf('archive');
  using site = await GapSite.make();
  const whole = await site.plan();
  const known = whole.index.entries.at(-1)?.digest;
  const delta = await site.plan({ base: { digest: whole.id, has: (blob) => blob === known } });
  const bare = await site.plan({ list: 'none' });
  assert.equal(delta.index.leftOut.length, 1);
  for (const { indexBytes } of [whole, delta, bare]) {
    assert.ok(fits(JSON.parse(indexBytes.toString())), JSON.stringify(fits.errors));
  }
  assert.ok(!fits({ ...JSON.parse(whole.indexBytes.toString()), more: 1 }));
});

test('what inspect prints for programs is what its schema says: whole archives, volumes, and what they would change', async () => {
  const fits = schemaOf('inspect');
  using site = await GapSite.make();
  await GapSite.must(site.export('-o', site.archive, '--custodian', 'Carol'));
  await GapSite.must(site.export('-o', `${site.medium}/parts.tar`, '--split', '64KiB'));
  const here = ['--data', site.there.data, '--allow-list', site.there.list, '--key', site.key, '--json'];
  const look = async (...words: string[]) => {
    const run = await GapSite.must(site.mirror(['inspect', ...words, ...here]));
    assert.ok(fits(JSON.parse(run.stdout)), JSON.stringify(fits.errors));
    return JSON.parse(run.stdout) as Looked;
  };
  const before = await look(site.archive, '--whole');
  assert.deepEqual(before.changes.new.length, 2);
  assert.equal(before.verdict, 'models version 1 is accepted here');
  const proven = { proven: true, signers: [site.key], expires: '2027-02-01T00:00:00.000Z' };
  assert.deepEqual(before.approvals, proven);
  assert.equal((await look(`${site.medium}/parts.002.tar`)).models, null);
  assert.equal((await look(`${site.medium}/parts.001.tar`)).models, null);
  await GapSite.must(site.import(site.archive));
  assert.deepEqual((await look(site.archive)).changes, { new: [], changed: [], unchanged: 2, refused: [] });
});
