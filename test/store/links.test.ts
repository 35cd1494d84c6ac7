import assert from 'node:assert/strict';
import { chmodSync, closeSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { LinkPolicy } from '../../src/store/index.ts';
import { asRoot } from '../fixtures/odd-files.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

let scratch: ScratchStore;
beforeEach(() => {
  scratch = new ScratchStore();
  mkdirSync(scratch.beside('big'));
  mkdirSync(scratch.beside('bigger'));
  writeFileSync(scratch.beside('big/file'), '');
  writeFileSync(scratch.beside('bigger/file'), '');
});
afterEach(() => scratch.remove());

const linkTo = (target: string): Buffer => {
  symlinkSync(target, scratch.at('link'));
  return Buffer.from(scratch.at('link'));
};

describe('a link', () => {
  test('that was resolved and then led elsewhere, by a directory above its end, is not opened', {
    skip: process.platform !== 'linux' && 'needs /proc',
  }, () => {
    const policy = new LinkPolicy(scratch.path, [scratch.beside('big')]);
    mkdirSync(scratch.beside('big/deep/inside'), { recursive: true });
    writeFileSync(scratch.beside('big/deep/file'), '');
    const ends = [scratch.beside('big/deep/file'), scratch.beside('big/deep/inside')] as const;
    closeSync(policy.openFile(ends[0]));
    policy.openDirectory(ends[1])[Symbol.dispose]();
    renameSync(scratch.beside('big/deep'), scratch.beside('was'));
    symlinkSync(scratch.beside('was'), scratch.beside('big/deep'));
    assert.throws(() => policy.openFile(ends[0]), { code: 'FILE_CHANGED' });
    assert.throws(() => policy.openDirectory(ends[1]), { code: 'FILE_CHANGED' });
  });

  test('is allowed into the store, and into the places that were named, and nowhere else', () => {
    const policy = new LinkPolicy(scratch.path, [scratch.beside('big')]);
    assert.deepEqual(policy.resolve(linkTo('blobs')), { kind: 'allowed', target: scratch.at('blobs') });
    for (const [place, allowed] of [
      [scratch.path, true],
      [scratch.at('blobs/x'), true],
      [`${scratch.path}-other`, false],
      [scratch.beside('big'), true],
      [scratch.beside('big/deep/file'), true],
      [scratch.beside('bigger/file'), false],
      [scratch.folder, false],
      ['/', false],
      ['', false],
    ] as const) {
      assert.equal(policy.allows(place), allowed, place);
    }
  });

  test('is judged by where it ends, however it gets there', () => {
    const policy = new LinkPolicy(scratch.path, [scratch.beside('big')]);
    symlinkSync('../bigger/file', scratch.beside('big/out'));
    symlinkSync('../big/file', scratch.beside('bigger/in'));
    assert.deepEqual(policy.resolve(linkTo(scratch.beside('big/out'))), {
      kind: 'outside',
      target: scratch.beside('bigger/file'),
    });
    assert.equal(policy.resolve(Buffer.from(scratch.beside('bigger/in'))).kind, 'allowed');
    assert.equal(policy.resolve(Buffer.from(`${scratch.beside('big')}/../bigger/file`)).kind, 'outside');
  });

  test('may lead anywhere where / was named', () => {
    assert.equal(new LinkPolicy(scratch.path, ['/']).resolve(linkTo('/etc')).kind, 'allowed');
  });

  test('to nowhere, through a file, or in a circle leads to no place', () => {
    const policy = new LinkPolicy(scratch.path, []);
    assert.deepEqual(policy.resolve(linkTo('/nonexistent')), { kind: 'dangling' });
    symlinkSync('../big/file/deeper', scratch.at('through'));
    assert.deepEqual(policy.resolve(Buffer.from(scratch.at('through'))), { kind: 'dangling' });
    symlinkSync('circle', scratch.at('circle'));
    assert.deepEqual(policy.resolve(Buffer.from(scratch.at('circle'))), { kind: 'loop' });
  });

  test('whose way may not be entered is not followed', { skip: asRoot() }, () => {
    chmodSync(scratch.beside('big'), 0);
    try {
      const policy = new LinkPolicy(scratch.path, []);
      assert.deepEqual(policy.resolve(linkTo('../big/file')), { kind: 'unreadable', problem: 'EACCES' });
    } finally {
      chmodSync(scratch.beside('big'), 0o755);
    }
  });

  test('to a name that is no text keeps its bytes', () => {
    const odd = Buffer.concat([Buffer.from(`${scratch.at('odd')}`), Buffer.from([0xff])]);
    writeFileSync(odd, '');
    symlinkSync(odd, scratch.at('link'));
    const found = new LinkPolicy(scratch.path, []).resolve(Buffer.from(scratch.at('link')));
    assert.deepEqual(found, { kind: 'allowed', target: `${scratch.at('odd')}\xff` });
  });
});
