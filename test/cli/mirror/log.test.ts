import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { CatalogRecords } from '../../../src/admission/index.ts';
import { nextRecord } from '../../../src/audit/index.ts';
import { Catalog } from '../../../src/catalog/index.ts';
import { parseDigest, parseModelName } from '../../../src/oci/index.ts';
import { GapSite } from '../../fixtures/gap-site.ts';

/** Something that nobody may do: the catalog is changed behind the mirror's back. */
function tamper(site: GapSite, statement: string): void {
  const database = new Database(join(site.data, 'catalog.sqlite'));
  database.prepare(statement).run();
  database.close();
}

/** The record that the receiving side keeps. */
function recordThere(site: GapSite): string {
  const [name = ''] = site.filesThere().filter((file) => file.includes('.transfer.jsonl'));
  return join(site.folder, 'there', /\S*transfer\.jsonl/.exec(name)?.[0] ?? '');
}

describe('model-mirror log', () => {
  const log = (site: GapSite, ...words: string[]) => site.mirror(['log', ...words, '--data', site.data]);
  const record = (site: GapSite) => `${site.medium}/models.transfer.jsonl`;

  async function exported(): Promise<GapSite> {
    const site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive, '--custodian', 'Carol'));
    return site;
  }

  test('lists what was decided and sent, for people and for programs', async () => {
    using site = await exported();
    const { stdout } = await GapSite.must(log(site));
    assert.match(
      stdout,
      /^ {5}1 {2}\S+ {2}admitted registry\.ollama\.ai\/library\/first:latest from test, /m,
    );
    assert.match(stdout, /exported [0-9a-f]{12}: 2 models, 0 refused, /);
    const rows = (await GapSite.must(log(site, '--json'))).stdout.trim().split('\n');
    assert.deepEqual(
      rows.map((row) => JSON.parse(row).event.kind),
      ['admitted', 'admitted', 'exported'],
    );
  });

  /** More refusals than have a record of their own. */
  async function flood(site: GapSite, refused: number, served: number, names = 'junk'): Promise<void> {
    const now = () => new Date('2026-11-23T12:00:00Z');
    const catalog = await Catalog.open(join(site.data, 'catalog.sqlite'), now);
    const records = new CatalogRecords(catalog, now);
    for (let at = 0; at < refused + served; at += 1)
      await records.refused(parseModelName(`${names}-${at}`), 'it is not listed', at >= refused);
    await records.flush();
    await catalog.close();
  }

  test('shows what was folded, and verify gives the sum of it', async () => {
    using site = await exported();
    await flood(site, 100, 0);
    await flood(site, 100, 7);
    const { stdout } = await GapSite.must(log(site));
    assert.match(stdout, /^ +\d+ {2}\S+ {2}folded 40 refused requests, since 2026-11-23T12:00:00\.000Z$/m);
    assert.match(stdout, /folded 40 refused requests and 7 that would have been refused, since /);
    assert.equal(stdout.match(/refused registry\.ollama\.ai\/library\/junk-/g)?.length, 60);
    const verified = await GapSite.must(log(site, 'verify', record(site)));
    assert.match(
      verified.stdout,
      /^folded {4}80 refused requests and 7 that would have been refused: more names came than are recorded one by one$/m,
    );
    const rows = (await GapSite.must(log(site, '--json'))).stdout.trim().split('\n');
    const { since: _, ...event } = JSON.parse(rows.at(-1) ?? '').event;
    assert.deepEqual(event, { kind: 'folded', refused: 40, served: 7 });
  });

  test('verify finds a folded record that was left out, or that counts less', async () => {
    for (const statement of [
      `delete from audit where event like '%folded%'`,
      `update audit set event = replace(event, '"refused":40', '"refused":4') where event like '%folded%'`,
    ]) {
      using site = await exported();
      await flood(site, 100, 0);
      await flood(site, 100, 0, 'more');
      tamper(site, statement);
      const run = await log(site, 'verify');
      assert.equal(run.status, 1);
      assert.match(run.stderr, /\(LOG_BROKEN\)/);
    }
  });

  test('a chain that follows itself and counts with something else than numbers moves no cursor', async () => {
    for (const refused of ['\u001b[31mred', -1, 1.5, null, 2 ** 60]) {
      using site = await exported();
      const database = new Database(join(site.data, 'catalog.sqlite'));
      const last = database.prepare('select seq, hash from audit order by seq desc limit 1').get() as {
        seq: number;
        hash: string;
      };
      const event = { kind: 'folded', refused, served: 0, since: '\u001b[2Jnow' };
      const { event: _, ...row } = nextRecord(
        { seq: last.seq, hash: parseDigest(last.hash) },
        event as never,
        new Date('2026-11-23T12:00:00Z'),
      );
      database
        .prepare('insert into audit (seq, time, event, previous, hash) values (?, ?, ?, ?, ?)')
        .run(row.seq, row.time, JSON.stringify(event), row.previous, row.hash);
      database.close();
      const listing = await log(site);
      assert.equal(listing.stdout.includes('\u001b'), false);
      const run = await log(site, 'verify');
      assert.equal(run.status, 1);
      assert.match(run.stderr, /its event is none of a mirror \(LOG_BROKEN\)/);
      assert.equal(run.stderr.includes('\u001b'), false);
    }
  });

  test('verify follows the chain, and ties the record of a transfer to it', async () => {
    using site = await exported();
    const { stdout } = await GapSite.must(log(site, 'verify', record(site)));
    assert.match(stdout, /^log {7}3 records, each as it was written; the last is [0-9a-f]{12}$/m);
    assert.match(stdout, /^ {2}1\. exported \S+ by Carol {3}key [0-9a-f]{12}; record 3 of this log$/m);
  });

  for (const [what, statement, words] of [
    [
      'changed',
      `update audit set event = replace(event, 'first', 'worst') where seq = 1`,
      /at record 1: record 1 was changed/,
    ],
    ['taken out', 'delete from audit where seq = 2', /at record 2: record 2 is missing/],
    [
      'cut off',
      'delete from audit where seq = 3',
      /at record 3: it is missing, and a transfer record that was signed here/,
    ],
  ] as const)
    test(`verify finds a record that was ${what}`, async () => {
      using site = await exported();
      tamper(site, statement);
      const run = await log(site, 'verify', record(site));
      assert.equal(run.status, 1);
      assert.match(run.stderr, words);
      assert.match(run.stderr, /\(LOG_BROKEN\)/);
    });

  test('verify holds the entries of both ends against their keys, also where there is no mirror', async () => {
    using site = await exported();
    await GapSite.must(site.import(site.archive));
    const both = recordThere(site);
    const keys = [site.data, site.there.data].map((data) => join(data, 'state', 'custody.pub'));
    const verify = (...words: string[]) =>
      site.mirror(['log', 'verify', both, '--data', join(site.folder, 'nowhere'), ...words]);
    const known = keys.flatMap((key) => ['--known', key]);
    const { stdout } = await GapSite.must(verify(...known));
    assert.match(stdout, /entries 1 to 2, each as it was signed/);
    assert.ok(!existsSync(join(site.folder, 'nowhere')));
    const stranger = await verify('--known', keys[0] ?? '');
    assert.match(stranger.stderr, /broken at entry 2: it is signed by the key .*, which is not known here/);
    const lines = readFileSync(both, 'utf8').trim().split('\n').reverse();
    writeFileSync(both, `${lines.join('\n')}\n`);
    assert.match((await verify()).stderr, /broken at entry 1: .*\(RECORD_BROKEN\)/);
  });

  test('verify on either side is green for a record in which both name a record of the same number', async () => {
    using site = await exported();
    // The list is there before: an import that took one would have noted that as a record of its own.
    site.putList(site.there.list);
    await GapSite.must(site.import(site.archive));
    const both = recordThere(site);
    for (const data of [site.data, site.there.data]) {
      const { stdout } = await GapSite.must(site.mirror(['log', 'verify', both, '--data', data]));
      assert.equal(stdout.match(/; record 3 of this log$/gm)?.length, 1);
    }
  });

  test('verify finds what was cut off of a log that was signed with a key of a person', async () => {
    using site = await GapSite.make();
    const carol = join(site.folder, 'carol.key');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(carol, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await GapSite.must(site.export('-o', site.archive, '--custody-key', carol));
    await GapSite.must(log(site, 'verify', record(site)));
    tamper(site, 'delete from audit where seq = 3');
    const run = await log(site, 'verify', record(site));
    assert.equal(run.status, 1);
    assert.match(run.stderr, /at record 3: it is missing, .*\(LOG_BROKEN\)/);
  });

  test('asks whose keys they are, unless somebody named them', async () => {
    using site = await exported();
    const question = /^keys {6}nobody named them: .*--known PUB/m;
    assert.match((await GapSite.must(log(site, 'verify', record(site)))).stdout, question);
    const known = join(site.data, 'state', 'custody.pub');
    const run = await GapSite.must(log(site, 'verify', record(site), '--known', known));
    assert.doesNotMatch(run.stdout, question);
    assert.doesNotMatch((await GapSite.must(log(site, 'verify'))).stdout, question);
  });

  test('where there is no mirror nothing is in order, and none is made', async () => {
    using site = await exported();
    const nowhere = join(site.folder, 'nowhere');
    for (const words of [['list'], ['verify']]) {
      const run = await site.mirror(['log', ...words, '--data', nowhere]);
      assert.equal(run.status, 4);
      assert.match(run.stderr, /there is no mirror in it \(DATA_UNUSABLE\)/);
    }
    const { stdout } = await GapSite.must(site.mirror(['log', 'verify', record(site), '--data', nowhere]));
    assert.match(stdout, /^log {7}none was looked at: there is no mirror in /);
    assert.ok(!existsSync(nowhere));
  });

  test('a record that is not there is not one that was changed', async () => {
    using site = await exported();
    const run = await log(site, 'verify', join(site.folder, 'no-record'));
    assert.equal(run.status, 4);
    assert.match(run.stderr, /cannot read \S+no-record: there is no such file \(PAPER_UNREADABLE\)/);
  });

  for (const event of ['no JSON', '{}', '{"kind":"exported"}'])
    test(`list tells a record with the event ${event} as broken`, async () => {
      using site = await exported();
      tamper(site, `update audit set event = '${event}' where seq = 3`);
      const run = await log(site);
      assert.equal(run.status, 1);
      assert.match(run.stdout, /^ {5}2 {2}/m);
      assert.match(run.stderr, /at record 3: its event is .*\(LOG_BROKEN\)/);
    });

  test('knows list and verify', async () => {
    using site = await exported();
    const run = await log(site, 'forget');
    assert.equal(run.status, 64);
    assert.match(run.stderr, /log knows list and verify, not forget/);
  });
});
