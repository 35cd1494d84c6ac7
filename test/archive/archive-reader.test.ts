import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ArchiveReader } from '../../src/archive/index.ts';
import type { ExportPlan } from '../../src/transfer/index.ts';
import { bytesOf, MemorySource } from '../fixtures/archive-bytes.ts';
import { ArchiveSite, addedFile } from '../fixtures/archive-site.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

describe('reading an archive', () => {
  let site: ArchiveSite;
  let plan: ExportPlan;
  let whole: Buffer;
  before(async () => {
    site = new ArchiveSite();
    const added = [
      addedFile(site, 'bom/a.json', Buffer.from('bom')),
      addedFile(site, 'tool/verify-models', Buffer.from('tool')),
    ];
    plan = await site.plan({ added });
    whole = await bytesOf(plan);
  });
  after(() => site[Symbol.dispose]());

  const open = (bytes = whole) => ArchiveReader.open(new MemorySource(bytes));

  /** To the end, each blob passed over, looked at or taken. */
  async function readAll(bytes: Buffer, way: 'pass' | 'look'): Promise<void> {
    const reader = await open(bytes);
    await reader.smallFiles();
    while (reader.next !== undefined) await (way === 'pass' ? reader.pass() : reader.look());
    await reader.end();
  }

  test('begins with the index, and goes file by file', async () => {
    const reader = await open();
    assert.deepEqual([reader.id, reader.index], [plan.id, plan.index]);
    assert.deepEqual(reader.indexBytes, plan.indexBytes);
    const tool: Buffer[] = [];
    const files = await reader.smallFiles(async (part) => void tool.push(Buffer.from(part)));
    assert.equal(Buffer.concat(tool).toString(), 'tool');
    assert.deepEqual(
      [...files.keys()],
      plan.entries.flatMap(({ name }) => (name.startsWith('tool') ? [] : [name])).slice(1, 1 + files.size),
    );
    assert.equal(files.get('bom/a.json')?.toString(), 'bom');
    assert.equal(files.size, 9);
    const parts: Buffer[] = [];
    const { size } = reader.next ?? {};
    await reader.look(async (part) => void parts.push(Buffer.from(part)));
    assert.equal(Buffer.concat(parts).length, size);
    await assert.rejects(reader.end(), /^Error: there are files that nobody looked at$/);
  });

  test('every way of reading finds the end', async () => {
    await readAll(whole, 'pass');
    await readAll(whole, 'look');
  });

  test('an archive that is cut off anywhere is told as cut off', async () => {
    for (let at = 0; at < whole.length; at += 487)
      await assert.rejects(readAll(whole.subarray(0, at), 'pass'), refusedWith('ARCHIVE_TRUNCATED'), `${at}`);
    await assert.rejects(readAll(whole.subarray(0, -1), 'pass'), refusedWith('ARCHIVE_TRUNCATED', 'its end'));
  });

  test('looked at, no byte can be another one', async () => {
    for (let at = 3; at < whole.length; at += 1009) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      await assert.rejects(readAll(bytes, 'look'), /refused|altered/, `${at}`);
    }
  });

  test('what is looked at ends with what the looker throws', async () => {
    const reader = await open();
    await reader.smallFiles();
    const looking = reader.look(async () => {
      throw new Error('no more');
    });
    await assert.rejects(looking, /^Error: no more$/);
  });
});
