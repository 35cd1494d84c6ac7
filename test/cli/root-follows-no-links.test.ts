import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { OutputFile } from '../../src/archive/index.ts';
import { lockEffects } from '../fixtures/lock-effects.ts';
import { newIo, runMainWith } from '../fixtures/run-main.ts';
import { SignedSite } from '../fixtures/signed-site.ts';

const root = process.getuid?.() === 0;
const mallory = 61_001;

suite('root writes below a directory of another user, who makes links there', {
  skip: !root && 'needs root',
}, () => {
  let site: SignedSite;
  let his: string;
  beforeEach(async () => {
    site = new SignedSite();
    site.scratch.addModel();
    await site.approve();
    his = site.beside('his');
    mkdirSync(his);
    mkdirSync(site.beside('of-root'));
    writeFileSync(site.beside('of-root/file'), 'of root\n');
    symlinkSync(site.beside('of-root/file'), join(his, 'file'));
    symlinkSync(site.beside('of-root'), join(his, 'folder'));
    execFileSync('chown', ['-hR', `${mallory}:${mallory}`, his]);
  });
  afterEach(() => site.remove());

  const unchanged = () => {
    assert.equal(readFileSync(site.beside('of-root/file'), 'utf8'), 'of root\n');
    assert.deepEqual(readdirSync(site.beside('of-root')), ['file']);
  };
  const says = /it is a link that user 61001 made, and root follows no link of another user/;

  test('a report is written behind none of them', async () => {
    for (const file of ['file', 'folder/file', 'folder/new']) {
      const run = await site.run('check', '--store', site.store, '--report', `json=${join(his, file)}`);
      assert.equal(run.status, 4, run.stderr);
      assert.match(run.stderr, says);
      unchanged();
    }
    const report = join(his, 'report.json');
    const run = await site.run('check', '--store', site.store, '--report', `json=${report}`);
    assert.equal(run.status, 0, run.stderr);
    assert.equal(JSON.parse(readFileSync(report, 'utf8')).exitCode, 0);
  });

  test('nor is the line for Kubernetes', async () => {
    for (const file of ['file', 'folder/file', 'folder/new']) {
      const log = join(his, file);
      await site.run('check', '--store', join(site.store, 'absent'), '--termination-log', log);
      unchanged();
    }
    const log = join(his, 'line');
    await site.run('check', '--store', join(site.store, 'absent'), '--termination-log', log);
    assert.match(readFileSync(log, 'utf8'), /STORE_NOT_FOUND/);
  });

  test('nor a list, what lies beside it, its approvals, a policy and a key', async () => {
    const list = (path: string) => ['--allow-list', join(his, path)];
    const allow = await site.run('allow', '--store', site.store, '--all', ...list('folder/list.json'));
    assert.match(allow.stderr, says);
    const beside = join(his, 'list.json');
    symlinkSync(site.beside('of-root'), join(his, 'manifests'));
    execFileSync('chown', ['-h', `${mallory}`, join(his, 'manifests')]);
    const filled = await site.run('allow', '--store', site.store, '--all', ...list('list.json'));
    assert.match(filled.stderr, says);
    assert.equal(existsSync(beside), false);
    writeFileSync(beside, readFileSync(site.list));
    symlinkSync(site.beside('of-root/file'), `${beside}.sigstore.jsonl`);
    execFileSync('chown', ['-h', `${mallory}`, `${beside}.sigstore.jsonl`]);
    const signed = await site.run('sign', beside, '--key', site.key('alice').key, '--store', site.store);
    assert.match(signed.stderr, says);
    const trust = ['--trust', join(his, 'folder/trust.json'), '--signer', `a=${site.key('alice').pub}`];
    const init = await site.run('trust', 'init', ...trust, '--allow-list', site.list);
    assert.match(init.stderr, says);
    const io = newIo({ environment: { VERIFY_MODELS_PASSPHRASE: 'a long passphrase' } });
    const key = await runMainWith(io, ['keygen', join(his, 'folder/key')]);
    assert.equal(key.status, 4, key.stderr);
    unchanged();
  });

  test('nor an archive', () => {
    assert.throws(() => OutputFile.open(join(his, 'folder/models.tar'), lockEffects), { message: says });
    unchanged();
  });

  test('a directory of theirs is written into all the same, as a medium or a home is', async () => {
    chownSync(site.store, mallory, mallory);
    const list = join(his, 'list.json');
    const run = await site.run('allow', '--store', site.store, '--all', '--allow-list', list);
    assert.equal(run.status, 0, run.stderr);
    assert.ok(existsSync(list));
  });
});
