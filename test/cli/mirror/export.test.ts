import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { OutputFile } from '../../../src/archive/index.ts';
import { bytesOf } from '../../fixtures/archive-bytes.ts';
import { flipBit } from '../../fixtures/damage.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { lockEffects } from '../../fixtures/lock-effects.ts';

describe('model-mirror export', () => {
  let site: GapSite;
  beforeEach(async () => {
    site = await GapSite.make();
  });
  afterEach(() => site[Symbol.dispose]());

  const at = (name: string) => join(site.medium, name);
  const refused = async (status: number, words: RegExp, ...flags: string[]) => {
    const before = readdirSync(site.medium);
    const run = await site.export(...flags);
    assert.equal(run.status, status, run.stderr + run.stdout);
    assert.match(run.stderr, words);
    assert.deepEqual(readdirSync(site.medium), before);
  };

  test('writes what a plan says, with its papers beside it, and says what to type next', async () => {
    const { stdout } = await GapSite.must(site.export('-o', site.archive));
    const plan = await site.plan();
    assert.ok(readFileSync(site.archive).equals(await bytesOf(plan)));
    assert.match(
      stdout,
      /^archive {3}\w{12} {3}2 models, 12 files, \d+ kB, allow-list models version 1\nwrote {5}\S+models\.tar\nsigned {4}\S+models\.sigstore\.jsonl {3}by the key \w{12} \(\S+custody\.pub\)\nrecord {4}\S+models\.transfer\.jsonl {3}entry 1; to print: \S+models\.sheet\.txt\nnext: model-mirror import \S+models\.tar --allow-list allow-list\.json --key PUB {3}\(on the other side\)\n$/,
    );
    assert.deepEqual(readdirSync(site.medium).sort(), [
      'models.sheet.txt',
      'models.sigstore.jsonl',
      'models.tar',
      'models.transfer.jsonl',
    ]);
  });

  test('the same words give the same archive, and one more entry in its record', async () => {
    await GapSite.must(site.export('-o', site.archive));
    const [bytes, { ino, mtimeMs }] = [readFileSync(site.archive), statSync(site.archive)];
    const { stdout } = await GapSite.must(site.export('-o', site.archive, 'second:1b', 'first'));
    assert.match(stdout, /entry 2/);
    assert.ok(readFileSync(site.archive).equals(bytes));
    assert.deepEqual([statSync(site.archive).ino, statSync(site.archive).mtimeMs], [ino, mtimeMs]);
  });

  test('goes on where it was cut off', async () => {
    await GapSite.must(site.export('-o', site.archive));
    const right = readFileSync(site.archive);
    rmSync(site.archive);
    writeFileSync(`${site.archive}.partial`, right.subarray(0, 70_000));
    await GapSite.must(site.export('-o', site.archive));
    assert.ok(readFileSync(site.archive).equals(right));
    assert.equal(existsSync(`${site.archive}.partial`), false);
  });

  test('another file that is there already is left alone', async () => {
    writeFileSync(site.archive, 'something else');
    await refused(64, /models\.tar is there already, and it is not this archive/, '-o', site.archive);
    assert.equal(readFileSync(site.archive, 'utf8'), 'something else');
    await GapSite.must(site.export('-o', at('first.tar'), 'first'));
    await refused(
      64,
      /first\.transfer\.jsonl is there already, and it is not this archive/,
      '-o',
      at('first.tar'),
    );
  });

  test('nothing is written through a link that lies on the medium', async () => {
    const victim = join(site.folder, 'victim');
    for (const paper of ['sigstore.jsonl', 'transfer.jsonl', 'sheet.txt']) {
      const link = at(`models.${paper}`);
      for (const there of [true, false]) {
        if (there) writeFileSync(victim, 'precious');
        else rmSync(victim);
        symlinkSync(victim, link);
        await refused(
          4,
          /cannot write \S+: it is a link, and what it leads to is left alone/,
          '-o',
          site.archive,
        );
        assert.equal(existsSync(victim) && readFileSync(victim, 'utf8'), there && 'precious');
        rmSync(link);
      }
    }
  });

  test('a file that another export is writing is left to it', async () => {
    const other = OutputFile.open(site.archive, lockEffects);
    await refused(4, /another process is writing \S+models\.tar\.partial/, '-o', site.archive);
    await other.close();
    await GapSite.must(site.export('-o', site.archive));
  });

  test('a record of another archive that lies there is told before anything is written', async () => {
    await GapSite.must(site.export('-o', site.archive, 'first'));
    rmSync(site.archive);
    await refused(64, /models\.transfer\.jsonl is there already/, '-o', site.archive);
    writeFileSync(at('models.transfer.jsonl'), 'no record');
    await refused(1, /the transfer record is broken at entry 1/, '-o', site.archive);
  });

  test('into a directory it has the name of its index', async () => {
    const { stdout } = await GapSite.must(site.export('-o', site.medium));
    const { id } = await site.plan();
    const name = `models-${id.slice(7, 19)}.tar`;
    assert.ok(readdirSync(site.medium).includes(name), stdout);
  });

  test('volumes by their numbers are those of the whole set', async () => {
    await GapSite.must(site.export('-o', site.archive, '--split', '64KiB'));
    const names = [1, 2, 3].map((number) => `models.00${number}.tar`);
    const right = names.map((name) => readFileSync(at(name)));
    for (const name of names) rmSync(at(name));
    const { stdout } = await GapSite.must(
      site.export('-o', site.archive, '--split', '64KiB', '--volumes', '3,1'),
    );
    assert.match(stdout, /models\.001\.tar to \S+models\.003\.tar \(1,3\)/);
    assert.deepEqual(
      names.map((name) => existsSync(at(name))),
      [true, false, true],
    );
    assert.ok(readFileSync(at('models.003.tar')).equals(right[2] ?? Buffer.alloc(0)));
    await refused(
      64,
      /--volumes: 4 is none of the volumes 1 to 3/,
      '-o',
      site.archive,
      '--split',
      '64KiB',
      '--volumes',
      '4',
    );
    for (const words of ['0', '2-1', 'x', '1,,2', '1-9'])
      await refused(
        64,
        /--volumes: .* is none of the volumes 1 to 3/,
        '-o',
        site.archive,
        '--split',
        '64KiB',
        '--volumes',
        words,
      );
  });

  test('what is typed wrong is told before anything is written', async () => {
    const out = ['-o', site.archive];
    await refused(64, /say where to: -o models\.tar, or -o DIR/);
    await refused(64, /-o \S+models\.zip does not end in \.tar/, '-o', at('models.zip'));
    await refused(64, /--volumes says nothing without --split SIZE/, ...out, '--volumes', '1');
    await refused(64, /--split takes a size such as 4GB/, ...out, '--split', 'much');
    await refused(64, /a volume has 65536 bytes or more/, ...out, '--split', '1000');
    await refused(64, /--all and names of models say different things/, ...out, '--all', 'first');
    await refused(64, /takes 1 to 200 characters that can be printed/, ...out, '--custodian', 'a\u0007b');
    await refused(4, /cannot write \S+nowhere: there is no such directory/, '-o', at('nowhere/models.tar'));
  });

  test('a model that is not here, or not listed', async () => {
    await refused(2, /third:latest is not on the allow-list/, '-o', site.archive, 'third');
    rmSync(join(site.data, 'catalog.sqlite'));
    await refused(4, /first:latest is not in this mirror/, '-o', site.archive, 'first');
    await refused(4, /first:latest is not in this mirror/, '-o', site.archive);
    await refused(64, /there is no model to export/, '-o', site.archive, '--all');
  });

  test('bills of materials have names of their own', async () => {
    const file = (name: string) => {
      writeFileSync(at(name), '{}');
      return at(name);
    };
    mkdirSync(at('other'));
    const [good, twin] = [file('a.cdx.json'), file('other/A.cdx.json')];
    await refused(
      64,
      /--bom: two files are called bom\/a\.cdx\.json/,
      '-o',
      site.archive,
      '--bom',
      good,
      '--bom',
      twin,
    );
    for (const name of ['a b.json', 'é.json', '.hidden', `${'x'.repeat(90)}`])
      await refused(
        64,
        /--bom: .* has characters that no file of an archive has|--bom: x/,
        '-o',
        site.archive,
        '--bom',
        file(name),
      );
    await refused(64, /nothing\.json cannot be read/, '-o', site.archive, '--bom', at('nothing.json'));
    await refused(64, /other is not a regular file/, '-o', site.archive, '--bom', at('other'));
    await refused(64, /is not a regular file/, '-o', site.archive, '--executable', '/dev/null');
  });

  test('a blob that rotted ends the export before the file has its name', async () => {
    const [digest = ''] = site.models[0]?.blobs.keys() ?? [];
    const weights =
      [...(site.models[0]?.blobs ?? [])].find(([, bytes]) => bytes.length > 10_000)?.[0] ?? digest;
    const place = site.blobs.placeOf(weights as Parameters<typeof site.blobs.placeOf>[0]);
    flipBit(place, 50_000, 1);
    const run = await site.export('-o', site.archive);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /the blob sha256:\w{64} of this mirror is altered: it is sha256:\w{64}/);
    assert.deepEqual(readdirSync(site.medium), ['models.tar.partial']);
    flipBit(place, 50_000, 1);
    await GapSite.must(site.export('-o', site.archive));
    truncateSync(place, 100);
    await refused(4, /first:latest is not in this mirror/, '-o', at('again.tar'));
  });

  test('only what the other side lacks', async () => {
    await GapSite.must(site.export('-o', at('first.tar'), 'first'));
    const { stdout } = await GapSite.must(site.export('-o', site.archive, '--since', at('first.tar')));
    assert.match(stdout, /; 3 blobs left out, which the other side has/);
    await GapSite.must(site.export('-o', at('none.tar'), '--since', site.listPath));
    assert.ok(statSync(at('none.tar')).size < 20_000);
    await refused(64, /is no archive of this tool/, '-o', at('x.tar'), '--since', site.key);
    await refused(4, /there is no such file/, '-o', at('x.tar'), '--since', at('nothing.tar'));
    await refused(64, /--since: \S+ holds 3 archives: name one/, '-o', at('x.tar'), '--since', site.medium);
    mkdirSync(at('v'));
    await GapSite.must(site.export('-o', at('v/first.tar'), '--split', '64KiB', 'first'));
    const since = async (path: string) =>
      (await GapSite.must(site.export('-o', at(`${basename(path)}.delta.tar`), '--since', path))).stdout;
    for (const path of ['v', 'v/first.001.tar'])
      assert.match(await since(at(path)), /; 3 blobs left out, which the other side has/);
    await refused(
      64,
      /--since: the first volume of the archive is not in \S+first\.002\.tar/,
      ...['-o', at('x.tar'), '--since', at('v/first.002.tar')],
    );
  });
});
