import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { loadSettings, verifyModels } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'vm-'));
const path = join(folder, 'config.yaml');
after(() => rmSync(folder, { recursive: true }));

const loadFrom = (file: string | undefined) =>
  loadSettings(verifyModels, { flags: {}, environment: {}, file });

function load(text: string | Buffer): unknown {
  writeFileSync(path, text);
  return { ...loadFrom(path) };
}

/** Code and message of the error that loading ends with. */
function errorOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof KnownError, String(error));
    assert.equal(error.exitStatus, 64);
    return `${error.code} ${error.message.replace(path, 'FILE')}`;
  }
  assert.fail('nothing was thrown');
}

const refused = (text: string | Buffer): string => errorOf(() => load(text));

describe('a settings file', () => {
  test('is a mapping in YAML', () => {
    const text =
      '# a host\nstore: /srv/models\nfollow-links-into: [/mnt/a, /mnt/b]\nmax-rate: 500MB/s\nquick: yes\nreport:\n  - sarif=/r.sarif\n';
    assert.deepEqual(load(text), {
      store: '/srv/models',
      'follow-links-into': ['/mnt/a', '/mnt/b'],
      'max-rate': 500_000_000,
      quick: true,
      report: [{ format: 'sarif', file: '/r.sarif' }],
    });
  });

  for (const [what, text] of Object.entries({
    'nothing in it': '',
    'a comment alone': '# nothing\n',
    null: 'null\n',
    'an empty mapping': '{}\n',
    'a document mark alone': '---\n',
  })) {
    test(`with ${what} sets nothing`, () => assert.deepEqual(load(text), {}));
  }

  test('may be JSON, begin with a byte order mark, and use a few aliases', () => {
    assert.deepEqual(load('\ufeff{"store": "/s"}'), { store: '/s' });
    assert.deepEqual(load('store: &s /s\nstate: *s\n'), { store: '/s', state: '/s' });
  });

  test('may be reached through a link, as ConfigMaps are', () => {
    writeFileSync(join(folder, 'real.yaml'), 'store: /s\n');
    symlinkSync('real.yaml', join(folder, 'link.yaml'));
    assert.deepEqual({ ...loadFrom(join(folder, 'link.yaml')) }, { store: '/s' });
  });
});

describe('a settings file is refused with', () => {
  for (const [what, text, message] of [
    ['a list', '- store\n', 'it is not a mapping of settings'],
    ['a text', 'store\n', 'it is not a mapping of settings'],
    ['a key twice', 'store: /a\nstore: /b\n', 'the key store stands twice'],
    ['a key twice, once quoted', 'store: /a\n"store": /b\n', 'the key store stands twice'],
    ['two documents', 'store: /a\n---\nstore: /b\n', /^Source contains multiple documents/],
    ['a tag that nobody knows', 'store: !secret /a\n', /^Unresolved tag: !secret/],
    ['a tag of another language', 'store: !!js/function "x"\n', /^Unresolved tag: /],
    ['an alias of nothing', 'store: *nowhere\n', /^Unresolved alias/],
    ['a merge key', '<<: {store: /s}\n', 'there is no setting <<'],
    ['a tab for indentation', 'report:\n\t- x\n', /^Tabs are not allowed as indentation/],
    ['an open quote', 'store: "/s\n', /^Missing closing "quote/],
    ['NUL bytes', 'store: "/s\\0x"\n', /^store .* is not a path$/s],
    ['a list for a key', '[store]: /s\n', 'there is no setting [ store ]'],
    ['an object for a text', 'store: {a: {b: c}}\n', 'store { a: [Object] } has the wrong type'],
    ['null for a text', 'store:\n', 'store null has the wrong type'],
    [
      'a long value, shown in part',
      `jobs: "${'9'.repeat(5000)}"\n`,
      /^jobs 9{60} is not a whole number from 0 to 256$/,
    ],
  ] as const) {
    test(what, () => {
      const error = refused(text);
      assert.ok(error.startsWith('CONFIG_INVALID FILE: '), error);
      const rest = error.slice('CONFIG_INVALID FILE: '.length);
      if (typeof message === 'string') assert.equal(rest, message);
      else assert.match(rest, message);
    });
  }

  test('an alias bomb, at once', () => {
    const lines = Array.from(
      { length: 30 },
      (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`,
    );
    assert.match(
      refused(`a0: &a0 [x]\n${lines.join('\n')}\n`),
      /^CONFIG_INVALID FILE: Excessive alias count/,
    );
  });

  test('a list nested 20,000 deep', () => {
    assert.match(refused(`store: ${'['.repeat(20_000)}`), /^CONFIG_INVALID FILE: /);
    assert.match(refused(`store: ${'['.repeat(20_000)}${']'.repeat(20_000)}`), /^CONFIG_INVALID FILE: /);
  });

  test('30,000 keys that nobody knows', () => {
    const keys = Array.from({ length: 30_000 }, (_, i) => `k${i}: 1\n`).join('');
    assert.equal(refused(keys), 'CONFIG_INVALID FILE: there is no setting k0');
  });

  test('no warning on the way', () => {
    writeFileSync(path, 'store: {[a]: b}\n[c]: d\n');
    const program = `
      import { loadSettings, verifyModels } from ${JSON.stringify(new URL('../../src/config/index.ts', import.meta.url).href)};
      try { loadSettings(verifyModels, { flags: {}, environment: {}, file: ${JSON.stringify(path)} }); } catch {}`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    assert.deepEqual([run.status, run.stdout, run.stderr], [0, '', '']);
  });
});

describe('a settings file that cannot be read', () => {
  test('is one larger than 1 MiB', () => {
    writeFileSync(path, '');
    truncateSync(path, 1024 * 1024 + 1);
    assert.equal(
      errorOf(() => loadFrom(path)),
      'CONFIG_UNREADABLE cannot read the settings file FILE: it is larger than 1 MiB',
    );
  });

  test('while one of 1 MiB is read', () => {
    const text = `store: /s\n#${'x'.repeat(1024 * 1024 - 11)}`;
    assert.equal(text.length, 1024 * 1024);
    assert.deepEqual(load(text), { store: '/s' });
  });

  test('is one that was named and is not there', () => {
    const gone = join(folder, 'gone.yaml');
    assert.equal(
      errorOf(() => loadFrom(gone)),
      `CONFIG_UNREADABLE cannot read the settings file ${gone}: ENOENT: no such file or directory`,
    );
  });

  test('is a directory, or a FIFO, which is not waited for', (t) => {
    const directory = join(folder, 'directory.yaml');
    mkdirSync(directory);
    assert.match(
      errorOf(() => loadFrom(directory)),
      /^CONFIG_UNREADABLE .*: it is not a file$/,
    );
    const fifo = join(folder, 'fifo.yaml');
    if (spawnSync('mkfifo', [fifo]).status !== 0) return t.skip('needs mkfifo');
    assert.match(
      errorOf(() => loadFrom(fifo)),
      /^CONFIG_UNREADABLE .*: it is not a file$/,
    );
  });

  test('is one without permission', {
    skip: process.getuid?.() === 0 ? 'needs a user who is not root' : false,
  }, () => {
    writeFileSync(path, 'store: /s\n');
    chmodSync(path, 0);
    assert.match(
      errorOf(() => loadFrom(path)),
      /^CONFIG_UNREADABLE .*: EACCES: permission denied$/,
    );
    rmSync(path);
  });

  test('is no error where it is the default one and not there', () => {
    assert.equal(verifyModels.file, '/etc/verify-models/config.yaml');
    if (spawnSync('test', ['-e', verifyModels.file]).status !== 0)
      assert.deepEqual({ ...loadFrom(undefined) }, {});
  });
});
