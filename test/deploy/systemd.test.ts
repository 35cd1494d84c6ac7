import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { flipBit } from '../fixtures/damage.ts';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { program, runProgramFile } from '../fixtures/run-program.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';
import { noContainers } from './container.ts';
import { approveTwice, filledIn } from './filled-in.ts';

const recipes = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'manifests', 'deploy', 'systemd');
const units = ['ollama.service.d/verify-models.conf', 'verify-models.service', 'verify-models.timer'];
const read = (name: string): string => readFileSync(join(recipes, name), 'utf8');

/** The words of each command line of the units. */
const commandLines = units.flatMap((name) =>
  [...read(name).matchAll(/^ExecStart(?:Pre)?=\+?\/usr\/local\/bin\/verify-models (.*)$/gm)].map(
    ([, words = '']) => [name, words.split(' ')] as const,
  ),
);

/** Whether a process here can be left with CAP_DAC_READ_SEARCH (the third bit) alone. */
const canDrop =
  noContainers === false &&
  spawnSync('setpriv', [
    '--bounding-set=-all,+dac_read_search',
    ...['grep', '-q', '^CapEff:\t0*4$', '/proc/self/status'],
  ]).status === 0;

const analyze = spawnSync('systemd-analyze', ['--version']).status === 0;

suite('the recipe for systemd', () => {
  let site: SealedSite;
  let config: string;
  let model: SampleModel;
  before(async () => {
    site = new SealedSite();
    model = site.scratch.addModel();
    site.keepRealTime();
    const signed = await approveTwice(site);
    const settings = parse(filledIn(read('config.yaml'), signed)) as Record<string, unknown>;
    const own = { store: site.store, 'allow-list': site.list, key: site.key('alice').pub };
    assert.deepEqual(Object.keys(settings).sort(), ['allow-list', 'key', 'min-version', 'store']);
    config = site.beside('config.yaml');
    writeFileSync(config, JSON.stringify({ ...settings, ...own, state: site.state }));
  });
  after(() => site.remove());

  test('has command lines', () => assert.equal(commandLines.length, 2));

  for (const [name, words] of commandLines) {
    test(`${name}: its command line is green on an approved store, and not after one flipped bit`, async () => {
      const run = () => runProgramFile(words, { environment: { VERIFY_MODELS_CONFIG: config } });
      const green = await run();
      assert.equal(green.status, 0, green.stdout + green.stderr);
      flipBit(model.blob('system'), 0, 0);
      const red = await run();
      flipBit(model.blob('system'), 0, 0);
      assert.equal(red.status, 1, red.stdout);
      assert.match(red.stdout, /blob-altered: the system layer of sample:latest is altered/);
      assert.equal((await run()).status, 0);
    });
  }

  test('verify-models.service: its one capability is enough for a store that only its user can read', {
    skip: noContainers || (!canDrop && 'needs setpriv and CAP_DAC_READ_SEARCH'),
  }, () => {
    const unit = read('verify-models.service');
    for (const line of ['NoNewPrivileges=yes', 'PrivateNetwork=yes']) assert.ok(unit.includes(`\n${line}\n`));
    const kept = /^CapabilityBoundingSet=CAP_(\S+)$/m.exec(unit)?.[1]?.toLowerCase();
    const [, words = []] = commandLines.find(([name]) => name === 'verify-models.service') ?? [];
    const own = spawnSync('sh', ['-c', 'chown -R 65531:65531 "$1" && chmod -R go= "$1"', 'sh', site.store]);
    assert.equal(own.status, 0);
    const sandbox = ['--net', 'setpriv', `--bounding-set=-all,+${kept}`, '--no-new-privs'];
    const run = () =>
      spawnSync('unshare', [...sandbox, process.execPath, program, ...words], {
        encoding: 'utf8',
        env: { ...bareEnvironment, PATH: process.env.PATH, VERIFY_MODELS_CONFIG: config },
      });
    const green = run();
    assert.equal(green.status, 0, green.stdout + green.stderr);
    flipBit(model.blob('system'), 0, 0);
    const red = run();
    flipBit(model.blob('system'), 0, 0);
    assert.equal(red.status, 1, red.stdout + red.stderr);
  });

  test('is what systemd-analyze verify accepts', { skip: !analyze && 'needs systemd-analyze' }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'vm-'));
    try {
      cpSync(recipes, folder, { recursive: true });
      // The unit that the drop-in belongs to, as Ollama's installer writes it, and programs that exist.
      writeFileSync(
        join(folder, 'ollama.service'),
        '[Unit]\nDescription=Ollama\n\n[Service]\nExecStart=/bin/true\n',
      );
      mkdirSync(join(folder, 'run'));
      for (const name of units) {
        writeFileSync(join(folder, name), read(name).replaceAll('/usr/local/bin/verify-models', '/bin/true'));
      }
      for (const unit of ['ollama.service', 'verify-models.service', 'verify-models.timer']) {
        const run = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, unit)], {
          encoding: 'utf8',
          env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` },
        });
        // It also reads the units of this machine; only what it says of these counts.
        const said = run.stderr
          .split('\n')
          .filter((line) => line.includes(folder) || line.includes('verify-models'));
        assert.deepEqual(said, []);
        assert.equal(run.status, 0, run.stderr);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
