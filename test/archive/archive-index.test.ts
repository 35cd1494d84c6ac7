import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  entryLimit,
  parseIndex,
  smallFileLimit,
  toolSizeLimit,
  writeIndex,
} from '../../src/archive/archive-index.ts';
import { baseOfArchive, type ExportPlan } from '../../src/transfer/index.ts';
import type { IndexJson } from '../fixtures/archive-parts.ts';
import { ArchiveSite } from '../fixtures/archive-site.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const zeros = `sha256:${'0'.repeat(64)}`;

describe('the index of an archive', () => {
  let site: ArchiveSite;
  let plan: ExportPlan;
  let json: IndexJson;
  before(async () => {
    site = new ArchiveSite();
    plan = await site.plan();
    json = JSON.parse(plan.indexBytes.toString()) as IndexJson;
  });
  after(() => site[Symbol.dispose]());

  const refused = (index: unknown, words: string) => {
    const text = typeof index === 'string' ? index : JSON.stringify(index);
    assert.throws(() => parseIndex(Buffer.from(text)), refusedWith('ARCHIVE_MALFORMED', words), words);
  };
  /** Entries with one that is changed. */
  const entries = (name: string, change: object) =>
    json.entries.map((entry) => (entry.name.startsWith(name) ? { ...entry, ...change } : entry));
  const weights = () => json.entries.findLast(({ size }) => size > 10_000);

  test('is read as it was written, one file a line', async () => {
    assert.deepEqual(parseIndex(plan.indexBytes), plan.index);
    assert.deepEqual(writeIndex(parseIndex(plan.indexBytes)), plan.indexBytes);
    const text = plan.indexBytes.toString();
    assert.equal(text.match(/^ {4}\{"name":".*"size"/gm)?.length, json.entries.length);
    const base = baseOfArchive(plan.id, plan.index);
    const delta = await site.plan({ base, list: 'none' });
    assert.equal(delta.index.since, plan.id);
    assert.equal(delta.index.leftOut.length, 4);
    assert.deepEqual(parseIndex(delta.indexBytes), delta.index);
  });

  test('is strict JSON: nothing twice, nothing unknown, nothing behind it', () => {
    const text = plan.indexBytes.toString();
    refused('', 'its index');
    refused(`${text}x`, 'its index');
    refused(`\uFEFF${text}`, 'its index');
    refused(text.replace('"schema"', '"schema": "x", "schema"'), 'its index');
    refused(text.replace('"schema"', '"Schema"'), 'its index');
    refused(text.replace('"size":', '"size":1e3,"x":'), 'its index');
    refused(text.replace(/"size":\d+/, '"size":1.0'), 'its index');
    refused({ ...json, more: 1 }, 'its index');
    refused({ ...json, entries: [{ ...json.entries[0], mode: 511 }] }, 'its index');
    refused(Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1'), 'its index');
    refused('['.repeat(10_000), 'its index');
  });

  test('has the schema, names, media types and digests that it must have', () => {
    refused({ ...json, schema: 'urn:verify-models:archive:v2' }, 'schema is not what the schema asks for');
    refused({ ...json, list: { ...json.list, version: 0 } }, 'list.version');
    refused({ ...json, list: { ...json.list, listId: '' } }, 'list.listId');
    refused({ ...json, since: 'sha256:0' }, 'since');
    refused({ ...json, leftOut: [{ digest: zeros.toUpperCase(), size: 1 }] }, 'leftOut.0.digest');
    refused({ ...json, models: [{ ...json.models[0], mediaType: 'text/plain' }] }, 'models.0.mediaType');
    refused({ ...json, entries: entries('oci-layout', { size: -1 }) }, 'entries.0.size');
    refused({ ...json, entries: entries('oci-layout', { name: 'x'.repeat(101) }) }, 'entries.0.name');
    refused(
      { ...json, entries: entries('oci-layout', { name: '../x' }) },
      'no archive has a file called "../x"',
    );
  });

  test('names each file once, in the order of kinds, under the digest that it has', () => {
    refused({ ...json, entries: [json.entries[0], ...json.entries] }, 'it names oci-layout twice');
    refused(
      { ...json, entries: [...json.entries.slice(1), json.entries[0]] },
      'oci-layout stands in the wrong place',
    );
    refused(
      { ...json, entries: entries('chunks/', { digest: zeros }) },
      'has another digest than its name says',
    );
    refused(
      { ...json, entries: entries('blobs/', { digest: zeros }) },
      'has another digest than its name says',
    );
    const { digest = '', size = 0 } = weights() ?? {};
    refused({ ...json, leftOut: [{ digest, size }] }, 'is there and left out at once');
    const twice = { digest: zeros, size: 1 };
    refused({ ...json, leftOut: [twice, twice] }, 'is there and left out at once');
  });

  test('has files of sizes that can be', () => {
    const large = { size: smallFileLimit + 1 };
    refused({ ...json, entries: entries('allow-list.json', large) }, `more than ${smallFileLimit}`);
    refused({ ...json, entries: entries('chunks/', large) }, `more than ${smallFileLimit}`);
    const tool = { name: 'tool/verify-models', digest: zeros, size: toolSizeLimit + 1 };
    const blobs = json.entries.findIndex(({ name }) => name.startsWith('blobs/'));
    refused({ ...json, entries: json.entries.toSpliced(blobs, 0, tool) }, `more than ${toolSizeLimit}`);
    const huge = { size: Number.MAX_SAFE_INTEGER };
    refused({ ...json, entries: entries('blobs/', huge) }, 'it is larger than any disk');
    const [manifest = ''] = json.models.map(({ digest }) => digest.slice('sha256:'.length));
    refused(
      { ...json, entries: entries(`blobs/sha256/${manifest}`, { size: 5 * 2 ** 20 }) },
      'the manifest sha256:',
    );
    const many = Array.from({ length: entryLimit + 1 }, (_, at) => ({
      name: `bom/${at}`,
      size: 0,
      digest: zeros,
    }));
    refused({ ...json, entries: many }, `it names ${entryLimit + 1} files, more than ${entryLimit}`);
  });

  test('has each model once, in full, with its manifest in its place', () => {
    const [first, second] = json.models;
    refused({ ...json, models: [first, first] }, 'it has registry.ollama.ai/library/first:latest twice');
    const folded = { ...second, name: 'registry.ollama.ai/library/FIRST:latest' };
    refused({ ...json, models: [first, folded] }, 'FIRST:latest twice');
    refused({ ...json, models: [{ ...first, name: 'first' }, second] }, '"first" is not written in full');
    refused({ ...json, models: [{ ...first, name: 'a b' }, second] }, 'is no name of a model');
    refused({ ...json, models: [second, first] }, 'is not in its place');
    refused({ ...json, models: [first, { ...second, digest: zeros }] }, 'is not in its place');
    refused({ ...json, models: [], entries: [] }, 'is not that of its models');
  });

  test('says of models and list what the layout and the list say', () => {
    const [first, second] = json.models;
    refused(
      { ...json, models: [{ ...first, name: 'registry.ollama.ai/library/fjrst:latest' }, second] },
      'index.json is not that of its models',
    );
    refused(
      { ...json, entries: entries('oci-layout', { digest: zeros }) },
      'oci-layout is not that of its models',
    );
    refused({ ...json, entries: json.entries.slice(1) }, 'oci-layout is not that of its models');
    refused({ ...json, list: { ...json.list, digest: zeros } }, 'the list that it speaks of');
    const { list: _, ...none } = json;
    refused(none, 'the list that it speaks of');
  });
});
