import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parsePublicKey, parseSigningKey } from '../../../src/trust/index.ts';
import type { FakeIoOptions } from '../../fixtures/fake-io.ts';
import { asRoot } from '../../fixtures/odd-files.ts';
import { runMain } from '../../fixtures/run-main.ts';
import { ScratchFiles } from '../../fixtures/scratch-files.ts';

let files: ScratchFiles;
let name: string;
beforeEach(() => {
  files = new ScratchFiles();
  name = join(files.folder, 'site');
});
afterEach(() => files.remove());

const keygen = (options: FakeIoOptions = {}, ...words: readonly string[]) =>
  runMain(['keygen', name, ...words], options);
const secret = { environment: { VERIFY_MODELS_PASSPHRASE: 'secret' } };

describe('keygen', () => {
  test('makes a sealed private key for nobody else, a public one for everybody, and says what comes next', async () => {
    const { status, stdout, stderr } = await keygen(secret);
    assert.deepEqual([status, stderr], [0, '']);
    assert.equal(statSync(`${name}.key`).mode & 0o777, 0o600);
    assert.equal(statSync(`${name}.pub`).mode & 0o777, 0o644);
    const key = parsePublicKey(readFileSync(`${name}.pub`, 'utf8'));
    assert.equal(key.algorithm, 'ecdsa-p256');
    assert.equal(
      stdout,
      [
        `private key  ${name}.key   (encrypted; keep it to yourself, and a copy of it)`,
        `public key   ${name}.pub   (give it to every host that checks)`,
        `key id       ${key.id.slice(0, 12)}`,
        'next: verify-models allow --all --allow-list allow-list.json',
        '',
      ].join('\n'),
    );
  });

  test('seals it as cosign does: with the passphrase it opens to the public key, without it to nothing', async () => {
    await keygen(secret);
    const text = readFileSync(`${name}.key`, 'utf8');
    assert.match(text, /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/);
    const opened = await parseSigningKey(text, async () => 'secret');
    assert.equal(opened.publicKey.id, parsePublicKey(readFileSync(`${name}.pub`, 'utf8')).id);
    await assert.rejects(
      parseSigningKey(text, async () => 'other'),
      { code: 'KEY_PASSPHRASE' },
    );
  });

  test('takes the passphrase from our variable, then from that of cosign', async () => {
    const environment = { VERIFY_MODELS_PASSPHRASE: 'ours', COSIGN_PASSWORD: 'theirs' };
    await keygen({ environment });
    await parseSigningKey(readFileSync(`${name}.key`, 'utf8'), async () => 'ours');
    name = join(files.folder, 'other');
    await keygen({ environment: { COSIGN_PASSWORD: 'theirs' } });
    await parseSigningKey(readFileSync(`${name}.key`, 'utf8'), async () => 'theirs');
  });

  test('says so when the passphrase is empty', async () => {
    const { status, stdout } = await keygen({ environment: { COSIGN_PASSWORD: '' } });
    assert.equal(status, 0);
    assert.match(stdout, /\(its passphrase is empty; keep it to yourself/);
  });

  test('asks twice on a terminal, and shows nothing of it', async () => {
    const { status, stdout, stderr } = await keygen({ secrets: ['typed', 'typed'] });
    assert.equal(status, 0);
    assert.equal(stderr, 'passphrase for the new key: \nthe same again: \n');
    assert.ok(!stdout.includes('typed'));
    await parseSigningKey(readFileSync(`${name}.key`, 'utf8'), async () => 'typed');
  });

  test('makes nothing when the two differ, or when nobody can be asked', async () => {
    const differ = await keygen({ secrets: ['one', 'two'] });
    assert.equal(differ.status, 64);
    assert.match(differ.stderr, /verify-models: the two passphrases differ \(USAGE\)\n/);
    const nobody = await keygen();
    assert.equal(nobody.status, 64);
    assert.match(nobody.stderr, /\(PASSPHRASE_NEEDED\)\nnext: .*VERIFY_MODELS_PASSPHRASE/);
    assert.deepEqual(readdirSync(files.folder), []);
  });

  for (const kind of ['key', 'pub'])
    test(`never replaces a .${kind}, and does not ask for a passphrase before`, async () => {
      writeFileSync(`${name}.${kind}`, 'precious');
      const { status, stderr } = await keygen({ secrets: ['a', 'a'] });
      assert.equal(status, 64);
      const problem = `${name}.${kind} is there already, and a key is never replaced`;
      assert.equal(stderr.split('\n')[0], `verify-models: ${problem} (USAGE)`);
      assert.deepEqual(readdirSync(files.folder), [`site.${kind}`]);
      assert.equal(readFileSync(`${name}.${kind}`, 'utf8'), 'precious');
    });

  for (const word of ['site.key', 'site.pub', 'folder/', ''])
    test(`takes a name, not ${JSON.stringify(word)}`, async () => {
      name = word;
      const { status, stderr } = await keygen(secret);
      assert.equal(status, 64);
      assert.match(stderr, /^verify-models: keygen takes a NAME and makes NAME.key and NAME.pub \(USAGE\)\n/);
    });

  test('leaves no half of a pair where the directory is not there', async () => {
    name = join(files.folder, 'absent', 'site');
    const { status, stderr } = await keygen(secret);
    assert.equal(status, 4);
    assert.match(stderr, /\(FILE_UNWRITABLE\)\n/);
    assert.ok(!existsSync(join(files.folder, 'absent')));
  });

  test('says why where the directory may not be written', { skip: asRoot() }, async () => {
    const closed = join(files.folder, 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0o555);
    name = join(closed, 'site');
    const { status, stderr } = await keygen(secret);
    chmodSync(closed, 0o755);
    assert.equal(status, 4);
    assert.match(stderr, /\(FILE_UNWRITABLE\)\n/);
  });
});
