import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CatalogRecords } from '../../src/admission/index.ts';
import { RefusalLedger } from '../../src/admission/refusal-ledger.ts';
import { type AuditEvent, type AuditRecord, verifyChain } from '../../src/audit/index.ts';
import { Catalog } from '../../src/catalog/index.ts';
import { parseModelName } from '../../src/oci/index.ts';
import { digestOf, listOf } from '../fixtures/listed-models.ts';
import { ask, MirrorSite } from '../fixtures/mirror-site.ts';

let site: MirrorSite;
let catalog: Catalog;
let records: CatalogRecords;
let ms: number;
const now = () => new Date(Date.UTC(2026, 10, 23) + ms);
const minute = 60_000;
beforeEach(async () => {
  ms = 0;
  site = await MirrorSite.start();
  catalog = await Catalog.open(join(site.data.path, 'catalog.sqlite'), now);
  records = new CatalogRecords(catalog, now);
});
afterEach(async () => {
  await catalog.close();
  await site[Symbol.asyncDispose]();
});

/** The whole log; its chain must be unbroken. */
async function log(): Promise<readonly AuditEvent[]> {
  const rows = (await catalog.audit(0, 1_000_000)).map(
    ({ event, ...row }) => ({ ...row, event: JSON.parse(event) }) as AuditRecord,
  );
  assert.equal(verifyChain(rows), undefined);
  return rows.map(({ event }) => event);
}

const kinds = (events: readonly AuditEvent[]) => {
  const counts: Record<string, number> = {};
  for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

describe('a client that asks for what is refused', () => {
  test('under two spellings of one name in turn is one record, and every request is counted', async () => {
    site.approve(listOf({}));
    const admission = site.admission({ records, policy: 'enforce' });
    for (let at = 0; at < 200; at += 1) {
      assert.equal((await ask(admission, 'library/Evil:latest')).kind, 'refused');
      assert.equal((await ask(admission, 'library/eVIL:LATEST')).kind, 'refused');
    }
    await records.flush();
    assert.deepEqual(kinds(await log()), { refused: 1 });
    const [refusal] = await catalog.refusals(9);
    assert.deepEqual([refusal?.name, refusal?.times], ['registry.ollama.ai/library/evil:latest', 400]);
  });

  test('hears the same sentence under every spelling, with the same names that it may have meant', async () => {
    const { manifest, config, layers } = { ...modelOf('a') };
    site.approve(listOf({ 'registry.ollama.ai/Corp/Sample:Q4': { manifest, config, layers } }));
    const admission = site.admission({ records, policy: 'enforce' });
    const said = async (name: string) => {
      const answer = await ask(admission, name);
      return 'sentence' in answer ? answer.sentence : answer.kind;
    };
    const sentence =
      'corp/samp1e:q4 is not on the allow-list models version 1; did you mean Corp/Sample:Q4; ask models@corp.example';
    for (const name of ['corp/samp1e:q4', 'CORP/SAMP1E:Q4', 'Corp/Samp1e:q4'])
      assert.equal(await said(name), sentence);
    // Of a listed model another tag: no letter of it is another, whatever its case.
    assert.doesNotMatch(await said('CORP/sample:other'), /did you mean/);
    assert.deepEqual(kinds(await log()), { refused: 2 });
  });

  test('for a million names that nobody has heard of makes 60 records, 60 rows and no more than 1,000 entries', async () => {
    for (let at = 0; at < 1_000_000; at += 1)
      await records.refused(parseModelName(`junk-${at}`), `junk-${at} is not listed`, false);
    assert.deepEqual(kinds(await log()), { refused: 60 });
    assert.equal((await catalog.totals()).refusals, 60);
    assert.ok(records.remembered <= 1000);
    await records.flush();
    assert.deepEqual((await log()).at(-1), {
      kind: 'folded',
      ...{ refused: 999_940, served: 0, since: '2026-11-23T00:00:00.000Z' },
    });
  });

  test('for two hours, at a thousand requests a minute, makes eleven records a minute', async () => {
    const minutes = 120;
    for (let at = 0; at < minutes; at += 1) {
      for (let one = 0; one < 1000; one += 1)
        await records.refused(parseModelName(`junk-${at}-${one}`), `${at} ${one}`, one % 2 === 0);
      ms += minute;
    }
    await records.flush();
    const events = await log();
    assert.ok(events.length <= 60 + 11 * minutes, `${events.length}`);
    let counted = 0;
    for (const event of events)
      counted += event.kind === 'folded' ? event.refused + event.served : event.kind === 'refused' ? 1 : 0;
    assert.equal(counted, 1000 * minutes);
  });

  test('never keeps what matters out of the log', async () => {
    for (let at = 0; at < 5000; at += 1)
      await records.refused(parseModelName(`junk-${at}`), 'not listed', false);
    const [a, b] = [digestOf('a'), digestOf('b')];
    for (let at = 0; at < 200; at += 1) {
      await records.moved(parseModelName(`listed-${at}`), a, b);
      await records.note({ kind: 'list-accepted', listId: 'models', version: at + 1, list: a });
      await records.admit({
        ...{ name: parseModelName(`m-${at}`), digest: a, mediaType: 'x', bytes: Buffer.from('{}') },
        ...{ blobs: [], source: 'x', listDigest: undefined, listVersion: undefined },
      });
    }
    await records.flush();
    assert.deepEqual(kinds(await log()), {
      ...{ refused: 60, moved: 200, 'list-accepted': 200, admitted: 200, folded: 1 },
    });
  });
});

const modelOf = (text: string) => ({
  manifest: { digest: digestOf(`manifest ${text}`), size: 100 },
  config: { mediaType: 'x', digest: digestOf(`config ${text}`), size: 1 },
  layers: [],
});

describe('refusals that have no record of their own', () => {
  const flood = async (count: number, served = false) => {
    for (let at = 0; at < count; at += 1)
      await records.refused(parseModelName(`junk-${ms}-${at}`), 'not listed', served);
  };

  test('stand in the log as soon as another one comes a minute later, without a timer', async () => {
    await flood(100);
    ms += minute;
    await records.refused(parseModelName('one-more'), 'not listed', false);
    assert.deepEqual(kinds(await log()), { refused: 61, folded: 1 });
  });

  test('are counted apart from those that were served all the same', async () => {
    await flood(70);
    await flood(25, true);
    await records.flush();
    assert.deepEqual((await log()).at(-1), {
      ...{ kind: 'folded', refused: 10, served: 25, since: '2026-11-23T00:00:00.000Z' },
    });
  });

  test('are counted once: a second flush writes nothing', async () => {
    await flood(70);
    await records.flush();
    const before = await log();
    await records.flush();
    assert.deepEqual(await log(), before);
  });

  test('that come while others are written are written by the next flush, also at the end', async () => {
    await flood(70);
    const first = records.flush();
    await flood(5, true);
    const second = records.flush();
    await Promise.all([first, second]);
    assert.deepEqual(
      (await log()).flatMap((event) => (event.kind === 'folded' ? [[event.refused, event.served]] : [])),
      [
        [10, 0],
        [0, 5],
      ],
    );
  });

  test('are counted later where they could not be written now', async () => {
    let isFull = false;
    const disk: Pick<Catalog, 'change'> = {
      async change(work) {
        if (isFull) throw new Error('SQLITE_FULL');
        return catalog.change(work);
      },
    };
    const events: AuditEvent[] = [];
    const ledger = new RefusalLedger(disk, async (_, event) => events.push(event), now);
    const ask = (name: string) => ledger.refused(parseModelName(name), 'not listed', false);
    await ask('known');
    isFull = true;
    await ask('known');
    await assert.rejects(ask('another'), /SQLITE_FULL/);
    for (let at = 0; at < 58; at += 1) await assert.rejects(ask(`junk-${at}`), /SQLITE_FULL/);
    await ask('one-too-many');
    await assert.rejects(ledger.flush(), /SQLITE_FULL/);
    isFull = false;
    await ledger.flush();
    // `known` was refused twice, and its second time could not be written into its row.
    assert.deepEqual(events.slice(1), [
      { kind: 'folded', refused: 61, served: 0, since: '2026-11-23T00:00:00.000Z' },
    ]);
  });

  test('are those too whose row made room for others: no request is lost', async () => {
    await catalog.close();
    catalog = await Catalog.open(':memory:', now);
    records = new CatalogRecords(catalog, now);
    for (let at = 0; at < 10_100; at += 1) {
      for (let one = 0; one < 2; one += 1)
        await records.refused(parseModelName(`name-${at}`), 'not listed', false);
      ms += 6000;
    }
    await records.flush();
    const events = await log();
    const rows = await catalog.refusals(20_000);
    assert.equal(rows.length, 10_000);
    let counted = rows.reduce((sum, { times }) => sum + times, 0);
    for (const event of events) if (event.kind === 'folded') counted += event.refused;
    // The record of a row that made room is its first request.
    assert.equal(counted + (events.filter(({ kind }) => kind === 'refused').length - rows.length), 20_200);
  });
});
