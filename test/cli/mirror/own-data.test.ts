import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { MirrorCommands } from '../../fixtures/mirror-command.ts';
import { ServedMirror } from '../../fixtures/served-mirror.ts';
import { SignedSite } from '../../fixtures/signed-site.ts';

const root = process.getuid?.() === 0;
const mallory = 61_001;

suite('the data of a mirror that another user can change', { skip: !root && 'needs root' }, () => {
  let place: MirrorCommands;
  beforeEach(async () => {
    place = await MirrorCommands.start();
  });
  afterEach(() => place[Symbol.asyncDispose]());
  const status = () => place.run(['status']);

  test('each part of it is refused: blobs, catalog, keys, records', async () => {
    assert.equal((await status()).status, 0);
    const parts = ['blobs', 'blobs/sha256', 'catalog.sqlite', 'partial', 'quarantine', 'tables'];
    assert.ok(parts.every((part) => existsSync(join(place.data, part))));
    mkdirSync(join(place.data, 'blobs/sha256/ab'));
    mkdirSync(join(place.data, 'state/x'), { recursive: true, mode: 0o700 });
    for (const part of [...parts, 'blobs/sha256/ab', 'state', 'state/x']) {
      const path = join(place.data, part);
      chmodSync(path, 0o777);
      const open = await status();
      assert.equal(open.status, 4, part);
      assert.match(open.stderr, /DATA_UNUSABLE/);
      assert.ok(
        open.stderr.includes(`cannot be used: every user of this machine can write ${path} `),
        `${part}: ${open.stderr}`,
      );
      chmodSync(path, 0o700);
      chownSync(path, mallory, mallory);
      const foreign = await status();
      assert.ok(foreign.stderr.includes(`user ${mallory} can write ${path} `), `${part}: ${foreign.stderr}`);
      chownSync(path, 0, 0);
    }
    assert.equal((await status()).status, 0);
  });

  test('serve, sync and import begin nothing there', async () => {
    await status();
    chmodSync(join(place.data, 'catalog.sqlite'), 0o666);
    for (const words of [['serve'], ['sync', 'llama3.2'], ['import', 'x.tar', '--policy', 'observe']]) {
      const run = await place.run(words);
      assert.equal(run.status, 4, words.join(' '));
      assert.match(run.stderr, /every user of this machine can write \S+catalog\.sqlite/);
    }
    assert.equal(place.library.requests.length, 0);
  });

  test('root makes none below a directory of theirs, and takes none behind a link of theirs', async () => {
    const his = join(place.folder, 'his');
    mkdirSync(his);
    chownSync(his, mallory, mallory);
    const below = await place.run(['status', '--data', join(his, 'a/data')]);
    assert.equal(below.status, 4);
    assert.match(below.stderr, /user 61001 can write \S+his, and could put another directory in its place/);
    assert.deepEqual(readdirSync(his), []);
    await status();
    renameSync(place.data, join(place.folder, 'real'));
    symlinkSync('../real', join(his, 'data'));
    symlinkSync('his/data', place.data);
    assert.equal((await status()).status, 4);
  });

  test('another user is warned of the way to the data, in the log', async () => {
    chmodSync(place.folder, 0o777);
    const io = place.io();
    Object.defineProperty(io, 'uid', { value: 61_002 });
    const run = await place.run(['status'], io);
    assert.equal(run.status, 0, run.stderr);
    assert.match(
      run.stderr,
      /warning: every user of this machine can write .* in the place of the data directory/,
    );
  });

  test('a key that anybody can write is told in the log when a mirror starts', async () => {
    const site = new SignedSite();
    try {
      site.scratch.addModel();
      await site.approve();
      chmodSync(site.key('alice').pub, 0o666);
      const list = ['--allow-list', site.list, '--key', site.key('alice').pub];
      await using mirror = await ServedMirror.start(...place.places, ...list);
      const [line = ''] = mirror.io.stderr.lines;
      const { level, message, hint } = JSON.parse(line) as Record<string, unknown>;
      assert.deepEqual(
        [level, message, hint],
        [
          'warn',
          `every user of this machine can write the public key ${site.key('alice').pub}`,
          `chmod go-w ${site.key('alice').pub}`,
        ],
      );
    } finally {
      site.remove();
    }
  });
});
