import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { runMain } from '../../fixtures/run-main.ts';
import { addSampleModel } from '../../fixtures/sample-store.ts';

let folder: string;
let store: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
  store = join(folder, 'models');
  addSampleModel(store);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const servicePlace = '/usr/share/ollama/.ollama/models';
const noService = existsSync(servicePlace) ? `needs a machine without ${servicePlace}` : false;

/** The store that a run looked at, as its JSON list says. */
async function lookedAt(environment: Record<string, string>): Promise<string> {
  const { status, stdout } = await runMain(['list', '--json'], { environment });
  assert.equal(status, 0);
  return JSON.parse(stdout).store;
}

describe('settings', () => {
  test('come from VERIFY_MODELS_* variables', async () => {
    const environment = {
      VERIFY_MODELS_STORE: store,
      VERIFY_MODELS_FORMAT: 'json',
      VERIFY_MODELS_QUICK: 'true',
      VERIFY_MODELS_REPORT: `text=${join(folder, 'a.txt')},junit=${join(folder, 'b.xml')}`,
    };
    const { status, stdout } = await runMain([], { environment });
    const report = JSON.parse(stdout);
    assert.deepEqual([status, report.store, report.partial], [0, store, true]);
    assert.ok(existsSync(join(folder, 'a.txt')) && existsSync(join(folder, 'b.xml')));
  });

  test('come from a settings file that --config or VERIFY_MODELS_CONFIG names', async () => {
    const file = join(folder, 'config.yaml');
    writeFileSync(file, `store: ${store}\nformat: json\nquick: true\n`);
    for (const [words, environment] of [
      [['--config', file], {}],
      [[], { VERIFY_MODELS_CONFIG: file }],
    ] as const) {
      const { status, stdout } = await runMain(words, { environment });
      const report = JSON.parse(stdout);
      assert.deepEqual([status, report.store, report.partial], [0, store, true]);
    }
  });

  test('as flags are stronger than variables, and variables than the file', async () => {
    const file = join(folder, 'config.yaml');
    writeFileSync(file, `store: ${join(folder, 'of-the-file')}\nformat: sarif\n`);
    const environment = { VERIFY_MODELS_STORE: store, VERIFY_MODELS_FORMAT: 'junit' };
    const { stdout } = await runMain(['--config', file, '--format', 'json'], { environment });
    assert.equal(JSON.parse(stdout).store, store);
  });

  test('that are wrong say where they are', async () => {
    const file = join(folder, 'config.yaml');
    writeFileSync(file, 'stoer: /models\n');
    const inFile = await runMain(['--config', file]);
    assert.equal(inFile.status, 64);
    assert.equal(
      inFile.stderr,
      `verify-models: ${file}: there is no setting stoer (CONFIG_INVALID)\nnext: docs/configuration.md lists every setting\n`,
    );
    const inVariable = await runMain([], { environment: { VERIFY_MODELS_JOBS: 'many' } });
    assert.equal(inVariable.status, 64);
    assert.match(
      inVariable.stderr,
      /: the environment: VERIFY_MODELS_JOBS many is not a whole number from 0 to 256 /,
    );
    const missing = await runMain(['--config', join(folder, 'none.yaml')]);
    assert.equal(missing.status, 64);
    assert.match(
      missing.stderr,
      /: cannot read the settings file .*none\.yaml: ENOENT: .* \(CONFIG_UNREADABLE\)\n/,
    );
  });

  test('of a format that only check knows do not hinder list', async () => {
    const { status, stdout } = await runMain(['list', '--store', store], {
      environment: { VERIFY_MODELS_FORMAT: 'junit' },
    });
    assert.equal(status, 0);
    assert.match(stdout, /^NAME /);
  });
});

describe('the store', () => {
  test('is the one that OLLAMA_MODELS names, spaces and quotes around it left out', async () => {
    for (const value of [store, ` ${store}\t`, `"${store}"`, `'${store}'`, ` "${store}" `]) {
      assert.equal(await lookedAt({ OLLAMA_MODELS: value }), store);
    }
  });

  test('is ~/.ollama/models without it', async () => {
    const usual = join(folder, '.ollama', 'models');
    addSampleModel(usual);
    assert.equal(await lookedAt({ HOME: folder }), usual);
    assert.equal(await lookedAt({ HOME: folder, OLLAMA_MODELS: ' "" ' }), usual);
  });

  test('that was not chosen is mentioned on stderr as a command to type, unless --quiet', async () => {
    const home = join(folder, "some\u001b[31mbody's home");
    addSampleModel(join(home, '.ollama', 'models'));
    const plain = join(folder, 'my home');
    addSampleModel(join(plain, '.ollama', 'models'));
    const shown = async (environment: Record<string, string>, ...words: string[]) =>
      (await runMain(['list', ...words], { environment: { OLLAMA_MODELS: store, ...environment } })).stderr;
    const notes = (await shown({ HOME: plain })).split('\n');
    assert.equal(
      notes[0],
      `note: there is another store, not looked at now: verify-models --store '${plain}/.ollama/models'`,
    );
    assert.ok((await shown({ HOME: home })).includes("some\\u{1b}[31mbody's home/.ollama/models"));
    assert.ok(!(await shown({ HOME: home })).includes('\u001b'));
    assert.doesNotMatch(await shown({ HOME: plain }, '--quiet'), /another store/);
  });

  test('that is not there: 4, and it says where it looked', { skip: noService }, async () => {
    const run = await runMain([], { environment: { HOME: folder } });
    assert.deepEqual([run.status, run.stdout], [4, '']);
    assert.equal(
      run.stderr,
      `verify-models: no Ollama store found; looked in ${folder}/.ollama/models and ${servicePlace} (STORE_NOT_FOUND)\n` +
        'next: name it: verify-models --store DIR (the directory that holds manifests/ and blobs/)\n',
    );
  });

  test('that was named and is not there: 4, and it says where it looked', async () => {
    const nowhere = join(folder, 'nowhere');
    for (const [words, environment] of [
      [['--store', nowhere], {}],
      [['list'], { OLLAMA_MODELS: nowhere }],
    ] as const) {
      const run = await runMain(words, { environment });
      assert.equal(run.status, 4);
      assert.ok(run.stderr.includes(`no Ollama store found; looked in ${nowhere} (STORE_NOT_FOUND)`));
    }
  });

  test('that is a file, or may not be read: 4', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const words of [
      ['--store', file],
      ['list', '--store', file],
    ]) {
      const run = await runMain(words);
      assert.deepEqual([run.status, run.stdout], [4, '']);
      assert.match(
        run.stderr,
        /: cannot read the store .*file: it is not a directory \(STORE_UNREADABLE\)\nnext: /,
      );
    }
  });

  const user = process.getuid?.() === 0 ? 'needs a user other than root' : false;
  test('that the user may not read: 4, and it says who could', { skip: user }, async () => {
    chmodSync(store, 0o000);
    try {
      const run = await runMain(['--store', store]);
      assert.deepEqual([run.status, run.stdout], [4, '']);
      assert.match(run.stderr, /: EACCES: permission denied \(STORE_UNREADABLE\)\nnext: .*sudo -u ollama/);
    } finally {
      chmodSync(store, 0o755);
    }
  });

  test('without models is well: 0, and it says where it looked', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const check = await runMain(['--store', empty]);
    assert.equal(check.status, 0);
    assert.ok(check.stdout.includes(`store ${empty}\n0 models\n`), check.stdout);
    const list = await runMain(['list', '--store', empty]);
    assert.deepEqual([list.status, list.stdout], [0, `no models in ${empty}\nnext: ollama pull llama3.2\n`]);
  });
});
