import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { CatalogRecords } from '../../src/admission/index.ts';
import { verifyChain } from '../../src/audit/index.ts';
import { Catalog, type CatalogAdmission } from '../../src/catalog/index.ts';
import { type ModelName, parseModelName } from '../../src/oci/index.ts';
import { digestOf } from '../fixtures/listed-models.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

let files: ScratchFiles;
let catalog: Catalog;
let clock: Date;
const now = () => clock;
const path = () => join(files.folder, 'catalog.sqlite');
beforeEach(async () => {
  files = new ScratchFiles();
  clock = new Date('2026-11-23T12:00:00Z');
  catalog = await Catalog.open(path(), now);
});
afterEach(async () => {
  await catalog.close();
  files.remove();
});

/** A model whose blobs are these texts. */
function model(name: string, ...texts: readonly string[]): CatalogAdmission {
  return {
    name: parseModelName(name),
    digest: digestOf(`manifest of ${texts.join()}`),
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    bytes: Buffer.from(`manifest of ${texts.join()}`),
    blobs: texts.map((text) => ({ digest: digestOf(text), size: text.length })),
    ...{ source: 'registry.ollama.ai', listDigest: undefined, listVersion: undefined },
  };
}

/** Changes the database behind the catalog's back. */
function alter(statement: string, ...values: readonly unknown[]): void {
  const database = new Database(path());
  try {
    assert.equal(database.prepare(statement).run(...values).changes, 1);
  } finally {
    database.close();
  }
}

const admit = (one: CatalogAdmission) => catalog.change((change) => change.admit(one));
const chain = async () => {
  const rows = await catalog.audit(0, 10_000);
  return rows.map(({ event, ...row }) => ({ ...row, event: JSON.parse(event) }) as never);
};

describe('a manifest that was altered in the database', () => {
  const one = model('sample', 'a');
  const asked = async () => [await catalog.find(one.name), await catalog.byDigest(one.digest)];
  beforeEach(async () => {
    await admit(one);
    assert.equal((await asked()).filter((found) => found?.bytes.equals(one.bytes)).length, 2);
  });

  test('is not there, whatever digest stands beside it, until it was admitted once more', async () => {
    alter('update manifest set bytes = ?', Buffer.from('another manifest'));
    assert.deepEqual(await asked(), [undefined, undefined]);
    await admit(one);
    assert.equal((await asked()).filter((found) => found?.bytes.equals(one.bytes)).length, 2);
  });

  test('is not there with a media type that it does not say', async () => {
    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
    const entry = { mediaType: 'application/x', digest: digestOf('a'), size: 1 };
    const text = JSON.stringify({ schemaVersion: 2, mediaType, config: entry, layers: [entry] });
    const real = { ...model('real', 'a'), bytes: Buffer.from(text), digest: digestOf(text) };
    await admit(real);
    assert.equal((await catalog.find(real.name))?.mediaType, mediaType);
    alter('update manifest set media_type = ? where digest = ?', 'text/html', real.digest);
    assert.equal(await catalog.find(real.name), undefined);
  });
});

describe('a model', () => {
  test('is found by its name in any case, with its exact bytes and its spelling', async () => {
    const one = model('Corp/Sample:Q4_K_M', 'a');
    await admit(one);
    for (const name of ['Corp/Sample:Q4_K_M', 'corp/SAMPLE:q4_k_m']) {
      const found = await catalog.find(parseModelName(name));
      assert.deepEqual(found, {
        name: one.name,
        digest: one.digest,
        mediaType: one.mediaType,
        bytes: one.bytes,
      });
    }
    assert.equal(await catalog.find(parseModelName('corp/sample:other')), undefined);
    assert.deepEqual((await catalog.byDigest(one.digest))?.bytes, one.bytes);
  });

  test('that is admitted again with other content names that and nothing else', async () => {
    const old = model('sample', 'a', 'shared');
    await admit(old);
    await admit(model('other', 'shared'));
    await admit(model('sample', 'b'));
    assert.equal(await catalog.byDigest(old.digest), undefined);
    assert.deepEqual(
      await Promise.all(['a', 'b', 'shared'].map((text) => catalog.namesBlob(digestOf(text)))),
      [false, true, true],
    );
    assert.equal((await catalog.totals()).models, 2);
  });

  test('is listed in any case, under one repository whatever the spelling of its tags', async () => {
    const host = 'registry.ollama.ai';
    for (const name of ['Corp/Sample:a', 'corp/sample:B', 'corp/sample-2:c', 'Corp/other:d'])
      await admit(model(name, name));
    await admit(model('registry.ollama.ai.evil/corp/sample:x', 'x'));
    assert.deepEqual(await catalog.repositories(host, 9), ['Corp/Sample', 'Corp/other', 'corp/sample-2']);
    assert.deepEqual(await catalog.repositories(host, 1, 'Corp/Sample'), ['Corp/other']);
    for (const repository of ['corp/sample', 'CORP/SAMPLE'])
      assert.deepEqual(await catalog.tags(host, repository, 9), ['B', 'a']);
    assert.equal(await catalog.tags(host, 'corp/sampl', 9), undefined);
    assert.deepEqual(await catalog.tags('Registry.Ollama.AI', 'corp/sample-2', 9), ['c']);
  });

  test('comes in pages, and so do repositories and tags, in code-point order', async () => {
    const host = 'registry.ollama.ai';
    for (const name of ['b:2', 'b:1', 'a:latest', 'Z:x', 'corp/c:1']) await admit(model(name, name));
    assert.deepEqual(await catalog.repositories(host, 2), ['corp/c', 'library/Z']);
    assert.deepEqual(await catalog.repositories(host, 9, 'library/Z'), ['library/a', 'library/b']);
    assert.deepEqual(await catalog.tags(host, 'library/b', 9), ['1', '2']);
    assert.deepEqual(await catalog.tags(host, 'library/b', 9, '2'), []);
    assert.equal(await catalog.tags(host, 'library/absent', 9), undefined);
    const seen: string[] = [];
    let after: ModelName | undefined;
    for (;;) {
      const page = await catalog.models(2, after);
      seen.push(...page.map(({ name }) => `${name.model}:${name.tag}`));
      after = page.at(-1)?.name;
      if (page.length < 2) break;
    }
    assert.deepEqual(seen, ['c:1', 'a:latest', 'b:1', 'b:2', 'Z:x']);
  });
});

describe('a change', () => {
  test('that throws has changed nothing', async () => {
    const failed = catalog.change(async (change) => {
      await change.admit(model('sample', 'a'));
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error('no');
    });
    await assert.rejects(failed, /^Error: no$/);
    assert.deepEqual(await catalog.totals(), { models: 0, blobs: 0, bytes: 0, refusals: 0, moved: 0 });
  });

  test('is made after the one before, however many are begun at once', async () => {
    const records = new CatalogRecords(catalog, now);
    await Promise.all(
      Array.from({ length: 50 }, (_, at) => records.refused(parseModelName(`m-${at}`), 'why', false)),
    );
    assert.equal(verifyChain(await chain()), undefined);
    assert.equal((await chain()).length, 50);
  });
});

describe('what was refused', () => {
  test('is counted by name, and stands in the log once for each sentence', async () => {
    const records = new CatalogRecords(catalog, now);
    const name = parseModelName('sample');
    for (const [sentence, served] of [
      ['why', false],
      ['why', false],
      ['another why', false],
      ['another why', true],
    ] as const)
      await records.refused(name, sentence, served);
    await records.flush();
    assert.deepEqual(await catalog.refusals(9), [
      {
        ...{
          name: 'registry.ollama.ai/library/sample:latest',
          sentence: 'another why',
          served: true,
          times: 4,
        },
        lastAt: '2026-11-23T12:00:00.000Z',
      },
    ]);
    assert.equal((await chain()).length, 3);
  });

  test('and what moved is told, newest first', async () => {
    const records = new CatalogRecords(catalog, now);
    const [a, b, c] = [digestOf('a'), digestOf('b'), digestOf('c')];
    await records.moved(parseModelName('one'), a, b);
    clock = new Date('2026-11-24T12:00:00Z');
    await records.moved(parseModelName('two'), a, b);
    await records.moved(parseModelName('two'), a, b);
    await records.moved(parseModelName('two'), a, c);
    assert.deepEqual(
      (await catalog.movedTags(9)).map(({ name, found }) => [parseModelName(name).model, found]),
      [
        ['two', c],
        ['one', b],
      ],
    );
    assert.equal((await chain()).length, 3);
  });

  test('upstream goes to and fro between digests: each of them is one record, whoever opens the catalog', async () => {
    const name = parseModelName('one');
    const found = Array.from({ length: 5 }, (_, at) => digestOf(`found ${at}`));
    for (let round = 0; round < 20; round += 1) {
      const records = new CatalogRecords(catalog, now);
      for (const digest of found) await records.moved(name, digestOf('approved'), digest);
    }
    assert.equal((await chain()).length, 5);
    assert.equal((await catalog.movedTags(9)).length, 1);
  });

  test('every model of a list of 20,000 moves: each has its record', async () => {
    await catalog.close();
    catalog = await Catalog.open(':memory:', now);
    const records = new CatalogRecords(catalog, now);
    for (let at = 0; at < 20_000; at += 1)
      await records.moved(parseModelName(`m-${at}`), digestOf('approved'), digestOf('found'));
    assert.equal((await catalog.totals()).moved, 20_000);
    assert.equal((await catalog.audit(19_999, 9)).length, 1);
  });
});

test('blobs are scrubbed in turn, the one that was looked at longest ago first', async () => {
  await admit(model('sample', 'a', 'b'));
  clock = new Date('2026-11-24T12:00:00Z');
  await admit(model('other', 'c'));
  await catalog.change((change) => change.scrubbed(digestOf('a')));
  clock = new Date('2026-11-25T12:00:00Z');
  await catalog.change((change) => change.scrubbed(digestOf('c')));
  assert.deepEqual(
    (await catalog.blobsToScrub(9)).map(({ digest }) => digest),
    [digestOf('b'), digestOf('a'), digestOf('c')],
  );
});

test('a blob is forgotten only when nothing names it', async () => {
  await admit(model('sample', 'a'));
  assert.equal(await catalog.change((change) => change.forgetBlob(digestOf('a'))), false);
  await admit(model('sample', 'b'));
  assert.equal(await catalog.change((change) => change.forgetBlob(digestOf('a'))), true);
  assert.equal((await catalog.totals()).blobs, 1);
});

describe('the file', () => {
  test('is opened by several at once, and each sees what the others did', async () => {
    const other = await Catalog.open(path(), now);
    await admit(model('sample', 'a'));
    assert.ok(await other.find(parseModelName('sample')));
    await other.close();
  });

  test('of a later release is refused', async () => {
    await catalog.close();
    const { default: Database } = await import('better-sqlite3');
    const database = new Database(path());
    database.exec('update schema_version set version = 99');
    database.close();
    await assert.rejects(Catalog.open(path(), now), { code: 'CATALOG_NEWER' });
    catalog = await Catalog.open(':memory:', now);
  });

  test('that is no database is refused, and left as it is', async () => {
    const other = join(files.folder, 'other');
    writeFileSync(other, 'this is no database, and it is long enough to be looked at as one'.repeat(100));
    await assert.rejects(Catalog.open(other, now), { code: 'CATALOG_UNUSABLE' });
  });

  test('agrees with its audit log after a process was killed in the middle of its changes', async () => {
    const source = (name: string) =>
      JSON.stringify(new URL(`../../src/${name}/index.ts`, import.meta.url).href);
    const program = `
      const { Catalog } = await import(${source('catalog')});
      const { CatalogRecords } = await import(${source('admission')});
      const { parseModelName } = await import(${source('oci')});
      const catalog = await Catalog.open(${JSON.stringify(path())}, () => new Date());
      const records = new CatalogRecords(catalog, () => new Date());
      const digest = (at) => 'sha256:' + String(at).padStart(64, '0');
      for (let at = 0; ; at += 1) {
        await records.admit({ name: parseModelName('m-' + at), digest: digest(at), mediaType: 'x', bytes: Buffer.from('x'),
          blobs: [{ digest: digest(at), size: 1 }], source: 'x', listDigest: undefined, listVersion: undefined });
        process.stdout.write(at + '\\n');
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = -1;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told = Number(text.trim().split('\n').at(-1));
      if (told >= 20) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const records = await chain();
    assert.equal(verifyChain(records), undefined);
    const { models, blobs } = await catalog.totals();
    assert.deepEqual([models, blobs], [records.length, records.length]);
    assert.ok(models >= told + 1, 'what was told is there');
  });
});
