import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { findArchives, gather, Incoming } from '../../src/archive/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import { bytesOf, never } from '../fixtures/archive-bytes.ts';
import { ArchiveSite } from '../fixtures/archive-site.ts';
import { volumesOf } from '../fixtures/archive-volumes.ts';
import { lockEffects } from '../fixtures/lock-effects.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { inMemory } from '../fixtures/scratch-store.ts';

/** What a reader says of bytes that are other ones. */
const bytes = new KnownError('ARCHIVE_TRUNCATED', { where: 'its end', actual: 0, expected: 1 });

describe('what the words of a command line name', () => {
  const folder = mkdtempSync(join(inMemory(), 'vm-'));
  const incoming = new Incoming(join(folder, 'incoming'), lockEffects);
  let site: ArchiveSite;
  let id: Digest;
  let whole: Buffer;
  let volumes: readonly Buffer[];
  before(async () => {
    site = new ArchiveSite();
    const plan = await site.plan();
    id = plan.id;
    whole = await bytesOf(plan);
    volumes = await volumesOf(plan, 64 * 1024);
  });
  after(() => {
    site[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => incoming.forget(id));

  const at = (name: string, bytes: Buffer | undefined) => {
    writeFileSync(join(folder, name), bytes ?? '');
    return join(folder, name);
  };
  const volume = (number: number) => at(`v.00${number}.tar`, volumes[number - 1]);
  const find = (
    words: readonly string[],
    keeping = true,
    stdin = async function* (): AsyncGenerator<Uint8Array> {},
  ) => gather(words, { incoming, keeping, stdin, signal: never, progressed: () => {} });
  /** Open files of this process; where there is no /proc, none is counted. */
  const open = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);

  test('a whole archive, through a link too', async () => {
    const path = at('whole.tar', whole);
    const link = join(folder, 'link.tar');
    symlinkSync(path, link);
    for (const word of [path, link]) {
      const [found] = await find([word]);
      assert.ok(found?.kind === 'whole');
      const buffer = Buffer.alloc(whole.length + 1);
      assert.equal(await found.source.fill(buffer), whole.length);
      assert.equal(await found.blame(bytes), bytes);
      await found.source.close();
    }
  });

  test('volumes are put together, and the damaged one is told', async () => {
    const words = [3, 1, 2].map(volume);
    const [found] = await find(words);
    assert.ok(found?.kind === 'whole' && found.id === id);
    const buffer = Buffer.alloc(whole.length + 1);
    assert.equal(await found.source.fill(buffer), whole.length);
    assert.ok(buffer.subarray(0, whole.length).equals(whole));
    assert.equal(await found.blame(bytes), bytes);
    await found.source.close();
    const bad = Buffer.from(volumes[1] ?? '');
    bad[20_000] = (bad[20_000] ?? 0) ^ 1;
    const [damaged] = await find([volume(1), at('v.002.tar', bad), volume(3)]);
    assert.ok(damaged?.kind === 'whole');
    const blamed = await damaged.blame(bytes);
    const other = new Error('of something else');
    assert.equal(await damaged.blame(other), other);
    assert.ok(refusedWith('VOLUME_DAMAGED', 'volume 2 of 3')(blamed));
    await damaged.source.close();
  });

  test('some of the volumes are kept, and every file is closed', async () => {
    const before = open();
    const [found] = await find([volume(2)]);
    assert.ok(found?.kind === 'incomplete');
    assert.deepEqual([found.kept, found.missing, found.count], [[2], [1, 3], 3]);
    const [look] = await find([volume(1)], false);
    assert.ok(look?.kind === 'incomplete');
    assert.deepEqual([look.kept, look.missing], [[2], [3]]);
    assert.deepEqual(incoming.numbers({ archive: id, count: 3 }), [2]);
    assert.equal(open(), before);
    incoming.forget(id);
    assert.deepEqual(incoming.numbers({ archive: id, count: 3 }), []);
    assert.deepEqual(readdirSync(join(folder, 'incoming')), []);
  });

  test('a damaged volume is not kept, whether it is a file or comes through a pipe', async () => {
    const bad = Buffer.from(volumes[0] ?? '');
    bad[40_000] = (bad[40_000] ?? 0) ^ 1;
    const before = open();
    await assert.rejects(find([at('v.001.tar', bad)]), refusedWith('VOLUME_DAMAGED', 'volume 1 of 3'));
    const piped = (bytes: Buffer) =>
      find(['-'], true, async function* () {
        yield bytes;
      });
    await assert.rejects(piped(bad), refusedWith('VOLUME_DAMAGED', 'volume 1 of 3'));
    for (const length of [600, 2000, 65_000])
      await assert.rejects(piped((volumes[0] ?? bad).subarray(0, length)), refusedWith('VOLUME_DAMAGED'));
    assert.deepEqual(incoming.numbers({ archive: id, count: 3 }), []);
    assert.equal(open(), before);
    await assert.rejects(piped(Buffer.from('hello')), refusedWith('ARCHIVE_UNKNOWN', 'it has 5 bytes'));
    await assert.rejects(piped(Buffer.alloc(600, 'x')), refusedWith('ARCHIVE_UNKNOWN', 'no tar header'));
    await piped(volumes[0] ?? bad);
    assert.deepEqual(incoming.numbers({ archive: id, count: 3 }), [1]);
  });

  test('a refusal closes what was opened', async () => {
    const before = open();
    const path = at('whole.tar', whole);
    for (const [words, code] of [
      [[path, volume(1)], 'VOLUMES_MIXED'],
      [[volume(1), at('x.tar', Buffer.alloc(600))], 'ARCHIVE_UNKNOWN'],
      [[volume(1), join(folder, 'nothing.tar')], 'ARCHIVE_UNREADABLE'],
    ] as const)
      await assert.rejects(findArchives(words), refusedWith(code), code);
    const short = volume(2);
    truncateSync(short, 40_000);
    await assert.rejects(
      findArchives([volume(1), short]),
      refusedWith('VOLUME_DAMAGED', 'has 40000 bytes, and not'),
    );
    assert.equal(open(), before);
  });
});
