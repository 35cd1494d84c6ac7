import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { baseOf, besideArchive, writtenBeside } from '../../../cli/transfer/index.ts';
import { GapSite } from '../../fixtures/gap-site.ts';

const papers = (base: string) => ({
  signature: `${base}.sigstore.jsonl`,
  record: `${base}.transfer.jsonl`,
  sheet: `${base}.sheet.txt`,
});

test('an archive and its volumes have the same papers', () => {
  for (const path of ['/m/models.tar', '/m/models.003.tar', '/m/models.1234.tar'])
    assert.deepEqual(besideArchive(path), papers('/m/models'));
  assert.deepEqual(besideArchive('/m/models.20261127.tar'), papers('/m/models.20261127'));
  assert.deepEqual(writtenBeside('/m/models.2026.tar'), papers('/m/models.2026'));
  assert.equal(baseOf('/m/llama3.2.tar'), '/m/llama3.2');
});

test('papers that bear the whole name belong to it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'models.2026.sigstore.jsonl'), '');
  const of = (name: string) => besideArchive(join(folder, name));
  assert.deepEqual(of('models.2026.tar'), papers(join(folder, 'models.2026')));
  assert.deepEqual(of('models.2027.tar'), papers(join(folder, 'models')));
});

test('archives of two years lie in one directory, each with its own papers', async () => {
  using site = await GapSite.make();
  const at = (name: string) => join(site.medium, name);
  await GapSite.must(site.export('-o', at('models.2026.tar'), 'first'));
  await GapSite.must(site.export('-o', at('models.2027.tar'), '--split', '64KiB'));
  assert.deepEqual(readdirSync(site.medium).sort(), [
    'models.2026.sheet.txt',
    'models.2026.sigstore.jsonl',
    'models.2026.tar',
    'models.2026.transfer.jsonl',
    'models.2027.001.tar',
    'models.2027.002.tar',
    'models.2027.003.tar',
    'models.2027.sheet.txt',
    'models.2027.sigstore.jsonl',
    'models.2027.transfer.jsonl',
  ]);
  const volumes = [1, 2, 3].map((number) => at(`models.2027.00${number}.tar`));
  for (const words of [[at('models.2026.tar')], volumes])
    assert.match((await GapSite.must(site.import(...words))).stdout, /says that the key \w{12} signed it/);
});
