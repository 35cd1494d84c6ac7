import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  loadSettings,
  type SettingsSources,
  settingKeys,
  variableOf,
  verifyModels,
} from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'vm-'));
const path = join(folder, 'config.yaml');
after(() => rmSync(folder, { recursive: true }));

interface Given {
  readonly flags?: SettingsSources['flags'];
  readonly environment?: Readonly<Record<string, string>>;
  readonly file?: string;
}

function load({ flags = {}, environment = {}, file = '' }: Given) {
  writeFileSync(path, file);
  return loadSettings(verifyModels, { flags, environment, file: path });
}

/** That loading fails with this sentence, in which FILE stands for the path of the settings file. */
function refused(given: Given, message: string): void {
  assert.throws(
    () => load(given),
    (error) => {
      assert.ok(error instanceof KnownError, String(error));
      assert.deepEqual([error.code, error.exitStatus], ['CONFIG_INVALID', 64]);
      assert.equal(error.message, message.replace('FILE', path));
      return true;
    },
  );
}

describe('settings', () => {
  test('are nothing where nothing is set', () => {
    assert.deepEqual({ ...load({}) }, {});
  });

  test('come from the command line, then from the environment, then from the file', () => {
    const file = 'store: /file\njobs: 1\nquiet: true\nprogress: none\n';
    const environment = {
      VERIFY_MODELS_STORE: '/environment',
      VERIFY_MODELS_JOBS: '2',
      VERIFY_MODELS_QUIET: 'false',
    };
    const flags = { store: '/flag' };
    assert.deepEqual(
      { ...load({ flags, environment, file }) },
      {
        store: '/flag',
        jobs: 2,
        quiet: false,
        progress: 'none',
      },
    );
    assert.equal(load({ environment, file }).store, '/environment');
    assert.equal(load({ file }).store, '/file');
  });

  test('of a stronger source replace a list whole', () => {
    const file = 'fail-on: [blob-orphan, blob-link]\nfollow-links-into: [/a, /b]\n';
    const environment = { VERIFY_MODELS_FOLLOW_LINKS_INTO: '/c' };
    const settings = load({ flags: { 'fail-on': ['model-remote'] }, environment, file });
    assert.deepEqual(settings['fail-on'], ['model-remote']);
    assert.deepEqual(settings['follow-links-into'], ['/c']);
  });

  test('cannot be changed', () => {
    assert.ok(Object.isFrozen(load({ file: 'store: /s' })));
  });

  test('take an empty variable for one that is not set', () => {
    assert.deepEqual({ ...load({ environment: { VERIFY_MODELS_STORE: '', VERIFY_MODELS_QUICK: '' } }) }, {});
  });

  test('do not look at variables of another name', () => {
    const environment = { VERIFY_MODELS_STROE: '/x', STORE: '/y', verify_models_store: '/z' };
    assert.deepEqual({ ...load({ environment }) }, {});
  });

  test('have a variable each, of their name in capitals', () => {
    assert.equal(variableOf(verifyModels, 'max-rate'), 'VERIFY_MODELS_MAX_RATE');
    assert.equal(variableOf(verifyModels, 'follow-links-into'), 'VERIFY_MODELS_FOLLOW_LINKS_INTO');
    assert.equal(new Set(settingKeys.map((key) => variableOf(verifyModels, key))).size, settingKeys.length);
  });
});

describe('a setting that is wrong is named as it was written', () => {
  test('in the file', () => {
    refused({ file: 'max-rate: fast\n' }, 'FILE: max-rate fast is not a rate such as 250MB/s');
  });

  test('in the environment', () => {
    refused(
      { environment: { VERIFY_MODELS_MAX_RATE: 'fast' } },
      'the environment: VERIFY_MODELS_MAX_RATE fast is not a rate such as 250MB/s',
    );
  });

  test('on the command line', () => {
    refused(
      { flags: { 'max-rate': 'fast' } },
      'the command line: --max-rate fast is not a rate such as 250MB/s',
    );
  });

  test('even where a stronger source sets it rightly', () => {
    refused(
      { flags: { jobs: '2' }, file: 'jobs: many\n' },
      'FILE: jobs many is not a whole number from 0 to 256',
    );
  });

  test('when its name is not known', () => {
    refused({ file: 'stroe: /s\n' }, 'FILE: there is no setting stroe');
    refused({ file: 'Store: /s\n' }, 'FILE: there is no setting Store');
    refused({ file: 'max_rate: 1M\n' }, 'FILE: there is no setting max_rate');
    refused({ file: '__proto__: /s\n' }, 'FILE: there is no setting __proto__');
    refused({ file: 'constructor: /s\n' }, 'FILE: there is no setting constructor');
    refused({ file: '"": /s\n' }, 'FILE: there is no setting ');
    refused({ file: `${'k'.repeat(1000)}: /s\n` }, `FILE: there is no setting ${'k'.repeat(60)}`);
  });

  test('when nothing can be made a text of it', () => {
    refused(
      { file: 'store: {toString: 1, valueOf: 2}\n' },
      'FILE: store { toString: 1, valueOf: 2 } has the wrong type',
    );
    refused({ file: 'store: &a [*a]\n' }, 'FILE: store <ref *1> [ [Circular *1] ] has the wrong type');
  });
});
