import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { newIo, runMainWith } from '../fixtures/run-main.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { failing, ofRule, SignedSite } from '../fixtures/signed-site.ts';

const root = process.getuid?.() === 0;
const mallory = 61_001;

suite('files that another user can write', { skip: !root && 'needs root' }, () => {
  let site: SignedSite;
  let his: string;
  beforeEach(async () => {
    site = new SignedSite();
    site.scratch.addModel();
    await site.approve();
    his = site.beside('his');
    mkdirSync(his);
    chownSync(his, mallory, mallory);
  });
  afterEach(() => site.remove());

  /** Moves a file into the directory of the other user. */
  const hand = (path: string): string => {
    const there = join(his, basename(path));
    renameSync(path, there);
    return there;
  };
  const pub = () => site.key('alice').pub;
  /** A check with words of its own, and what it says. */
  const checked = async (words: readonly string[], io = newIo()) => {
    const run = await runMainWith(io, ['check', '--json', '--jobs', '1', ...words]);
    return { status: run.status, ...JSON.parse(run.stdout) } as Awaited<ReturnType<typeof site.check>>;
  };
  const found = async (rule: string, ...words: readonly string[]) =>
    ofRule(await site.check(...words), rule).map(({ message, severity, bit }) => [severity, bit, message]);

  /** What binds a first contact: a version of 1 does not. */
  const bound = () => ['--expect-digest', sha256(readFileSync(site.list))];

  test('are nowhere in a site of root', async () => {
    const { findings, status } = await site.check('--require-allow-list', ...bound());
    assert.deepEqual(
      findings.filter(({ rule }) => /writable|swappable/.test(rule)),
      [],
    );
    assert.equal(status, 0);
  });

  test('the key and the list: a check says so, once for each directory, and is green', async () => {
    const key = hand(pub());
    const list = hand(site.list);
    hand(site.approvals);
    const where = ['--store', site.store, '--state', site.state];
    const report = await checked([...where, '--allow-list', list, '--key', key]);
    assert.equal(report.status, 0);
    const said = (rule: string) => ofRule(report, rule).map(({ message }) => message);
    assert.deepEqual(said('trust-file-writable'), [
      `user ${mallory} can write ${his}, and can put something else in the place of the public key ${key}`,
    ]);
    assert.deepEqual(said('list-file-writable'), [
      `user ${mallory} can write ${his}, and can put something else in the place of the allow-list ${list}, its approvals ${list}.sigstore.jsonl and its chunk tables ${his}/chunks`,
    ]);
  });

  test('the key itself, by its mode, by its owner, and behind a link', async () => {
    chmodSync(pub(), 0o666);
    assert.deepEqual(await found('trust-file-writable'), [
      ['warning', 0, `every user of this machine can write the public key ${pub()}`],
    ]);
    const [{ hint } = {}] = ofRule(await site.check(), 'trust-file-writable');
    assert.equal(hint, `chmod go-w ${pub()}`);
    chmodSync(pub(), 0o644);
    chownSync(pub(), mallory, mallory);
    assert.deepEqual(await found('trust-file-writable'), [
      ['warning', 0, `user ${mallory} can write the public key ${pub()}`],
    ]);
    chownSync(pub(), 0, 0);
    const key = hand(pub());
    symlinkSync(key, pub());
    assert.deepEqual(await found('trust-file-writable'), [
      [
        'warning',
        0,
        `user ${mallory} can write ${his}, and can put something else in the place of the public key ${pub()}`,
      ],
    ]);
  });

  test('a check that guards a start fails where root runs it; another user is warned', async () => {
    chmodSync(pub(), 0o666);
    const guarded = await site.check('--require-allow-list', ...bound());
    assert.equal(guarded.status, 2);
    assert.deepEqual(failing(guarded), ['trust-file-writable 2']);
    const words = site.checkWords('--require-allow-list', ...bound()).slice(1);
    const report = await checked(words, newIo({ uid: 61_002 }));
    assert.equal(ofRule(report, 'trust-file-writable').length, 1);
    assert.deepEqual(failing(report), []);
  });

  test('exec by root starts nothing by a key, a policy or settings of theirs, and moves nothing', async () => {
    const exec = (...words: readonly string[]) =>
      site.run('exec', '--store', site.store, '--state', site.state, ...words, '--', 'sh');
    const byKey = ['--allow-list', site.list, '--key', pub()];
    assert.equal((await exec(...byKey)).status, 0);
    chownSync(pub(), mallory, mallory);
    writeFileSync(site.scratch.at('blobs', `sha256-${'a'.repeat(64)}`), 'an orphan');
    for (const action of ['stop', 'quarantine']) {
      const run = await exec(...byKey, '--on-fail', action);
      assert.equal(run.io.replaced, undefined);
      assert.ok((run.status & 2) !== 0, run.stderr);
      assert.match(run.stderr, /error trust-file-writable: user 61001 can write the public key/);
      assert.doesNotMatch(run.stderr, /quarantined/);
    }
    const config = site.beside('config.yaml');
    writeFileSync(config, 'quiet: true\n');
    chmodSync(config, 0o666);
    const run = await exec('--config', config);
    assert.deepEqual([run.io.replaced, run.status & 2], [undefined, 2]);
    assert.match(run.stderr, /every user of this machine can write the settings \S+config\.yaml/);
  });

  test('exec by root only warns of a list of theirs: its signature stands', async () => {
    chownSync(site.list, mallory, mallory);
    const run = await site.run(
      ...['exec', '--store', site.store, '--state', site.state, '--allow-list', site.list],
      ...['--key', pub(), '--', 'sh'],
    );
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stderr, /warning: user 61001 can write the allow-list/);
  });

  test('the state below a directory of theirs: root does not use it, another user is warned', async () => {
    const state = join(his, 'state');
    const byKey = ['--store', site.store, '--allow-list', site.list, '--key', pub(), '--state', state];
    const report = await checked(byKey);
    assert.match(
      ofRule(report, 'state-not-kept')[0]?.message ?? '',
      /user 61001 can write \S+his, and could put another directory in its place/,
    );
    mkdirSync(state, { mode: 0o700 });
    const plain = await checked(byKey, newIo({ uid: 61_002 }));
    assert.match(
      ofRule(plain, 'trust-file-writable')[0]?.message ?? '',
      /in the place of the state directory/,
    );
  });

  test('a directory two levels above the store, and a link on the way to it', async () => {
    const store = join(his, 'a/models');
    mkdirSync(join(his, 'a'));
    renameSync(site.store, store);
    const report = await checked(['--store', store]);
    const message = `user ${mallory} can write ${his}, and can put another store in the place of ${store}`;
    assert.deepEqual(
      ofRule(report, 'store-swappable').map((one) => one.message),
      [message],
    );
    assert.equal(report.status, 0);
    renameSync(store, site.store);
    symlinkSync(site.store, store);
    const linked = ofRule(await checked(['--store', store]), 'store-swappable');
    assert.deepEqual(
      linked.map((one) => one.message),
      [message],
    );
    chownSync(site.store, mallory, mallory);
    assert.deepEqual(ofRule(await checked(['--store', store]), 'store-swappable'), []);
  });

  test('fetch, install, repair and watch say so on stderr', async () => {
    chmodSync(pub(), 0o666);
    const where = ['--store', site.store, '--state', site.state, '--allow-list', site.list, '--key', pub()];
    const warning = /warning: every user of this machine can write the public key \S+\n {2}next: chmod go-w /;
    const nowhere = 'http://127.0.0.1:1';
    for (const words of [
      ['fetch', '--from', nowhere, '--allow-list', site.list, '--key', pub(), '--state', site.state],
      ['install', site.beside('absent.tar'), ...where],
      ['install', nowhere, ...where],
      ['repair', '--from', nowhere, ...where],
    ])
      assert.match((await site.run(...words)).stderr, warning, words.join(' '));
    const io = newIo({
      stdout: {
        onText: (text) => {
          if (text.includes('checked')) io.interrupt(130);
        },
      },
    });
    const watched = await runMainWith(io, ['watch', ...where]);
    assert.match(watched.stderr, warning);
  });
});
