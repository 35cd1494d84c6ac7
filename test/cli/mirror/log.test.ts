import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Database from 'better-sqlite3';
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
