import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  approvalsPath,
  earlierPolicyPath,
  policySource,
  readIfThere,
  readUpTo,
  trustedRootPath,
} from '../../src/trust/trust-files.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const missing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

describe('a file beside a list', () => {
  test('is read up to its limit, and one byte more is refused', () => {
    const path = file('five', '12345');
    assert.equal(readUpTo(path, 5).toString(), '12345');
    assert.throws(() => readUpTo(path, 4), refusedWith('FILE_UNREADABLE', 'larger than 4 bytes'));
    assert.equal(readUpTo(file('empty', ''), 0).length, 0);
  });

  test('may be a link, as ConfigMaps are made of them', () => {
    const target = join(folder, '..data');
    mkdirSync(target);
    writeFileSync(join(target, 'real'), 'text');
    symlinkSync(join('..data', 'real'), join(folder, 'link'));
    assert.equal(readUpTo(join(folder, 'link'), 10).toString(), 'text');
  });

  test('that is a directory or a device is not read', () => {
    assert.throws(() => readUpTo(folder, 10), refusedWith('FILE_UNREADABLE', 'not a regular file'));
    assert.throws(() => readUpTo('/dev/zero', 10), refusedWith('FILE_UNREADABLE', 'not a regular file'));
  });

  test('that is absent is nothing where it may be, and an error where it must be there', () => {
    assert.equal(readIfThere(join(folder, 'none'), 10), undefined);
    assert.equal(readIfThere(join(file('plain', 'x'), 'below'), 10), undefined);
    assert.throws(() => readUpTo(join(folder, 'none'), 10), missing);
    assert.throws(() => readIfThere(folder, 10), refusedWith('FILE_UNREADABLE'));
  });

  test('lies where its name says', () => {
    assert.equal(approvalsPath('/a/list.json'), '/a/list.json.sigstore.jsonl');
    assert.equal(earlierPolicyPath('/a/trust.json', 3), join('/a', 'trust', '3.json'));
    assert.equal(trustedRootPath('/a/trust.json'), join('/a', 'trusted_root.json'));
  });
});

describe('a policy with its earlier versions', () => {
  const source = () => policySource(join(folder, 'trust.json'));

  test('is read with approvals and trusted root, each of which may be absent', () => {
    file('trust.json', 'current');
    assert.deepEqual(source().current, { bytes: Buffer.from('current'), approvals: Buffer.alloc(0) });
    assert.equal(source().earlier(1), undefined);
    assert.equal(source().readTrustedRoot(), undefined);
    file('trust.json.sigstore.jsonl', 'approved');
    file('trusted_root.json', 'root');
    mkdirSync(join(folder, 'trust'));
    file('trust/1.json', 'first');
    file('trust/2.json', 'second');
    file('trust/2.json.sigstore.jsonl', 'approved too');
    assert.deepEqual(source().current.approvals, Buffer.from('approved'));
    assert.deepEqual(source().earlier(1), { bytes: Buffer.from('first'), approvals: Buffer.alloc(0) });
    assert.deepEqual(source().earlier(2), {
      bytes: Buffer.from('second'),
      approvals: Buffer.from('approved too'),
    });
    assert.deepEqual(source().readTrustedRoot(), Buffer.from('root'));
  });

  test('that is absent, too large or no file is unreadable, and the error names it', () => {
    const path = join(folder, 'trust.json');
    assert.throws(source, refusedWith('TRUST_UNREADABLE', path));
    file('trust.json', ' '.repeat(1024 * 1024 + 1));
    assert.throws(source, refusedWith('TRUST_UNREADABLE', 'larger than 1048576 bytes'));
    rmSync(path);
    mkdirSync(path);
    assert.throws(source, refusedWith('TRUST_UNREADABLE', 'not a regular file'));
  });

  test('whose earlier version cannot be read says so with the name of that version', () => {
    file('trust.json', 'current');
    mkdirSync(join(folder, 'trust'));
    symlinkSync('1.json', join(folder, 'trust', '1.json'));
    mkdirSync(join(folder, 'trust', '2.json'));
    for (const version of [1, 2]) {
      const path = earlierPolicyPath(join(folder, 'trust.json'), version);
      assert.throws(() => source().earlier(version), refusedWith('TRUST_UNREADABLE', path));
    }
  });
});
