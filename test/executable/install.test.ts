import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { run } from '../across-the-gap/built-programs.ts';
import { Container, imageOf, noContainers } from '../deploy/container.ts';
import { MirrorCommands } from '../fixtures/mirror-command.ts';
import { emptySettings } from '../fixtures/run-main.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';
import { publishFrom, ServedMirror } from '../fixtures/served-mirror.ts';
import type { SiteReport } from '../fixtures/signed-site.ts';
import { noExecutable, singleExecutable } from '../fixtures/single-executable.ts';
import { hasOpenssl, makeCertificate } from '../real-client/certificate.ts';

/** Where there is no Node.js, nor anything else. */
const bare = { HOME: '/nonexistent', PATH: '/nonexistent', VERIFY_MODELS_CONFIG: emptySettings };

suite('the single executable installs models', { skip: noExecutable }, () => {
  const site = new SealedSite();
  const medium = site.beside('medium');
  let program: string;
  let mirror: MirrorCommands;
  let target: string;
  let made = 0;
  const by = (list: string) => ['--allow-list', list, '--key', site.key('alice').pub];
  before(async () => {
    program = singleExecutable();
    site.scratch.addModel();
    site.keepRealTime();
    await site.approve();
    mirror = await MirrorCommands.start();
    publishFrom(mirror.library, site.store, 'registry.ollama.ai/library/sample:latest');
    mkdirSync(medium);
    for (const words of [['sync'], ['export', '-o', join(medium, 'models.tar'), '--executable', program]]) {
      const io = mirror.io();
      io.pass(site.day * 86_400_000);
      const { status, stderr } = await mirror.run([...words, ...by(site.list)], io);
      assert.equal(status, 0, stderr);
    }
  });
  beforeEach(() => {
    made += 1;
    target = site.beside(`host-${made}`);
    mkdirSync(join(target, 'models'), { recursive: true });
  });
  after(async () => {
    await mirror[Symbol.asyncDispose]();
    site.remove();
  });

  /** The words that name what a host has; its list is not there before the first archive brings one. */
  const where = (host: string, key = site.key('alice').pub) => [
    ...['--store', `${host}/models`, '--state', `${host}/state`],
    ...['--allow-list', `${host}/allow-list.json`, '--key', key],
  ];

  function assertGreen(text: string): void {
    const { exitCode, models, allowList } = JSON.parse(text) as SiteReport;
    assert.deepEqual([exitCode, models.map(({ status }) => status), allowList?.version], [0, ['ok'], 1]);
  }

  test('the archive that it came in, where nothing else is: unpacked by tar, in an empty root', {
    skip: noContainers,
  }, async () => {
    execFileSync('tar', ['-xf', join(medium, 'models.tar'), '-C', target, 'tool/verify-models']);
    // What the program is linked to, and nothing else.
    const root = imageOf(program, '/unused', site.beside('root'), program);
    const start = (...words: readonly string[]) =>
      new Container({
        ...{ root, words: ['/host/tool/verify-models', ...words], environment: { HOME: '/host' } },
        ...{ user: 0, group: 0, groups: [], readOnlyRoot: true, network: false },
        mounts: [
          { path: '/host', source: target, readOnly: false },
          { path: '/medium', source: medium, readOnly: true },
          { path: '/key.pub', source: site.key('alice').pub, readOnly: true },
        ],
      });
    const install = start('install', '/medium/models.tar', ...where('/host', '/key.pub'));
    assert.equal(await install.ended, 0, install.stderr);
    assert.match(install.stdout, /^installed sample:latest /m);
    const check = start('check', '--json', ...where('/host', '/key.pub'));
    assert.equal(await check.ended, 0, check.stderr);
    assertGreen(check.stdout);
  });

  test('the archive that it came in, with a bare environment', async () => {
    execFileSync('tar', ['-xf', join(medium, 'models.tar'), '-C', target, 'tool/verify-models']);
    const tool = join(target, 'tool', 'verify-models');
    const words = ['install', join(medium, 'models.tar'), ...where(target)];
    const { status, stderr } = await run([tool, ...words], { environment: bare });
    assert.equal(status, 0, stderr);
    const check = await run([tool, 'check', '--json', ...where(target)], { environment: bare });
    assertGreen(check.stdout);
  });

  test('models of a mirror, over TLS', { skip: !hasOpenssl() && 'needs openssl' }, async () => {
    const { certFile } = makeCertificate(site.scratch.folder, 'localhost');
    await using served = await ServedMirror.start(
      ...[...mirror.places, '--tls-cert', certFile, '--tls-key', site.beside('key.pem')],
      ...['--policy', 'observe'],
    );
    const url = `https://localhost:${served.host.split(':')[1]}`;
    const words = ['install', url, 'sample', ...where(target).slice(0, 4), ...by(site.list)];
    const { status, stdout, stderr } = await run([program, ...words, '--ca', certFile], {
      environment: bare,
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^installed sample:latest /m);
    const check = await run([program, 'check', '--json', ...where(target).slice(0, 4), ...by(site.list)], {
      environment: bare,
    });
    assertGreen(check.stdout);
  });

  test('and says which mirror does not answer', async () => {
    const words = ['install', 'http://127.0.0.1:9', 'sample', ...where(target).slice(0, 4), ...by(site.list)];
    const { status, stdout, stderr } = await run([program, ...words], { environment: bare });
    assert.notEqual(status, 0);
    assert.match(stdout + stderr, /127\.0\.0\.1:9/);
    assert.doesNotMatch(stdout + stderr, /INTERNAL|Cannot find module/);
  });
});
