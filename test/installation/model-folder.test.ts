import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { installManifest, touchBlob, WorkPlace } from '../../src/installation/index.ts';
import { type Digest, parseModelName } from '../../src/oci/index.ts';
import { blobFileName, OllamaStore } from '../../src/store/index.ts';
import { lockEffects } from '../fixtures/lock-effects.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

const isRoot = process.getuid?.() === 0;
const mallory = 61_001;
const name = parseModelName('llama3.2:1b');
const bytes = Buffer.from('{}');

suite('the manifest of a model comes into a store', () => {
  let scratch: ScratchStore;
  let work: WorkPlace;
  beforeEach(() => {
    scratch = new ScratchStore();
    work = WorkPlace.open(scratch.path, { ...lockEffects, uid: process.getuid?.() });
  });
  afterEach(() => scratch.remove());

  const install = () => {
    using store = OllamaStore.open(scratch.path, [], () => {});
    return installManifest(store, name, bytes, work, 'a test');
  };
  const host = 'manifests/registry.ollama.ai';

  test('in directories that are made as Ollama makes them, and what lay there is kept', () => {
    assert.equal(install(), undefined);
    const path = scratch.at(host, 'library/llama3.2/1b');
    assert.deepEqual(readFileSync(path), bytes);
    assert.equal(statSync(path).mode & 0o777, 0o644);
    assert.equal(statSync(scratch.at(host)).mode & 0o777, 0o755);
    writeFileSync(path, 'other');
    assert.equal(readFileSync(install() ?? '', 'utf8'), 'other');
    rmSync(path);
    symlinkSync('/etc/passwd', path);
    assert.match(install() ?? '', /quarantine/);
    assert.deepEqual(readFileSync(path), bytes);
  });

  test('also where manifests/ is not there yet', () => {
    rmSync(scratch.at('manifests'), { recursive: true });
    install();
    assert.ok(existsSync(scratch.at(host, 'library/llama3.2/1b')));
  });

  test('behind no link, on whichever level it lies', () => {
    const elsewhere = scratch.beside('elsewhere');
    for (const level of ['', '/library', '/library/llama3.2']) {
      mkdirSync(elsewhere);
      rmSync(scratch.at(host), { recursive: true, force: true });
      mkdirSync(scratch.at(host, level, '..'), { recursive: true });
      symlinkSync(elsewhere, scratch.at(`${host}${level}`));
      assert.throws(install, {
        code: 'FILE_UNWRITABLE',
        message: /it is a link, and nothing is written behind one/,
      });
      assert.deepEqual(readdirSync(elsewhere), []);
      rmSync(elsewhere, { recursive: true });
    }
  });

  test('a blob is made new, and not what a link in its place leads to', () => {
    const digest = `sha256:${'a'.repeat(64)}` as Digest;
    const file = scratch.beside('file');
    writeFileSync(file, '');
    utimesSync(file, 1, 1);
    symlinkSync(file, scratch.at('blobs', blobFileName(digest)));
    using store = OllamaStore.open(scratch.path, [], () => {});
    if (store.blobs !== undefined) touchBlob(store.blobs, digest, new Date());
    assert.equal(statSync(file).mtimeMs, 1000);
  });

  test('the place to work in is a directory of its own, not one that a link leads to', () => {
    rmSync(work.path, { recursive: true });
    mkdirSync(scratch.beside('elsewhere'), { mode: 0o700 });
    symlinkSync('elsewhere', work.path);
    const other = WorkPlace.open(scratch.path, { ...lockEffects, uid: process.getuid?.() });
    assert.equal(other.path, scratch.at('.verify-models'));
    assert.deepEqual(readdirSync(scratch.beside('elsewhere')), []);
  });

  suite('as root', { skip: !isRoot && 'needs root' }, () => {
    test('in no directory that another user can write', () => {
      mkdirSync(scratch.at(host));
      for (const [uid, mode, who] of [
        [mallory, 0o755, /user 61001 can write into it, and root does not write there/],
        [0, 0o777, /other users can write into it/],
        [0, 0o775, /other users can write into it/],
      ] as const) {
        chownSync(scratch.at(host), uid, 0);
        chmodSync(scratch.at(host), mode);
        assert.throws(install, { code: 'FILE_UNWRITABLE', message: who });
        assert.deepEqual(readdirSync(scratch.at(host)), []);
      }
    });

    test('another process swaps a directory for a link as fast as it can: nothing is written elsewhere', async () => {
      const elsewhere = scratch.beside('elsewhere');
      mkdirSync(elsewhere);
      mkdirSync(scratch.at(host));
      // Directories of root in one that the other user owns: what was judged is moved away all the same.
      chownSync(scratch.at('manifests'), mallory, mallory);
      chmodSync(scratch.folder, 0o755);
      const line = `echo begun; while :; do mv -T registry.ollama.ai was && ln -s ${elsewhere} registry.ollama.ai; rm -f registry.ollama.ai; mv -T was registry.ollama.ai; done`;
      const partner = spawn('sh', ['-c', line], {
        ...{ uid: mallory, gid: mallory, cwd: scratch.at('manifests'), stdio: ['ignore', 'pipe', 'ignore'] },
      });
      await once(partner.stdout, 'data');
      try {
        for (let round = 0; round < 200; round += 1) {
          try {
            install();
          } catch (error) {
            const { code, message } = error as Error & { code?: string };
            assert.match(`${code} ${message}`, /FILE_UNWRITABLE|ENOENT|EEXIST|ENOTDIR|ELOOP/);
          }
          assert.deepEqual(readdirSync(elsewhere), []);
        }
      } finally {
        partner.kill('SIGKILL');
        await once(partner, 'exit');
      }
    });

    test('the place to work in is not that of another user', () => {
      for (const path of [work.path, scratch.at('.verify-models')]) {
        mkdirSync(path, { recursive: true });
        chownSync(path, mallory, mallory);
      }
      assert.throws(() => WorkPlace.open(scratch.path, { ...lockEffects, uid: 0 }), {
        code: 'REPAIR_REFUSED',
        message: /it belongs to user 61001, not to 0/,
      });
      renameSync(work.path, scratch.beside('his'));
      assert.equal(WorkPlace.open(scratch.path, { ...lockEffects, uid: 0 }).path, work.path);
    });
  });
});
