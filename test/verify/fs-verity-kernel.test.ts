import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { runProgramFile } from '../fixtures/run-program.ts';
import { addSampleModel, blobPath, type SampleModel } from '../fixtures/sample-store.ts';

/** A file system of its own, made with fs-verity, in a file; undefined where this machine cannot. */
class VerityVolume {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vm-'));
  readonly #image = join(this.#folder, 'image');
  readonly path = join(this.#folder, 'mount');
  readonly state = join(this.#folder, 'state');

  constructor() {
    mkdirSync(this.path);
    try {
      execFileSync('truncate', ['-s', '64M', this.#image], { stdio: 'pipe' });
      execFileSync('mkfs.ext4', ['-q', '-O', 'verity', '-b', '4096', this.#image], { stdio: 'pipe' });
      this.mount();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  mount(): void {
    execFileSync('mount', ['-o', 'loop', this.#image, this.path], { stdio: 'pipe' });
  }

  unmount(): void {
    spawnSync('umount', [this.path], { stdio: 'ignore' });
  }

  /** Another byte on the disk, below the file system, wherever these bytes lie: older copies of a file too. */
  decay(bytes: Buffer): void {
    const image = readFileSync(this.#image);
    const block = bytes.subarray(0, 4096);
    let at = image.indexOf(block);
    assert.ok(at > 0);
    for (; at > 0; at = image.indexOf(block, at + block.length)) image[at] = (image[at] ?? 0) ^ 1;
    writeFileSync(this.#image, image);
  }

  remove(): void {
    this.unmount();
    rmSync(this.#folder, { recursive: true });
  }
}

const enable = (path: string) => execFileSync('fsverity', ['enable', path], { stdio: 'pipe' });

/** Why there is no fs-verity here; false where there is. */
function whyNot(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root, for a mount';
  if (spawnSync('fsverity', ['--version']).status !== 0) return 'needs the program fsverity';
  let volume: VerityVolume | undefined;
  try {
    volume = new VerityVolume();
    const file = join(volume.path, 'probe');
    writeFileSync(file, 'probe');
    enable(file);
    return false;
  } catch {
    return 'needs a kernel with fs-verity (CONFIG_FS_VERITY), mkfs.ext4 and loop devices';
  } finally {
    volume?.remove();
  }
}

suite('check --fs-verity, by the real kernel', { skip: whyNot() }, () => {
  const weights = patternedBytes(64 * 1024);
  let volume: VerityVolume;
  let model: SampleModel;
  let store: string;
  before(() => {
    volume = new VerityVolume();
    store = join(volume.path, 'models');
    model = addSampleModel(store, 'registry.ollama.ai/library/sample:latest', [
      { kind: 'model', bytes: weights },
    ]);
    for (const name of readdirSync(join(store, 'blobs'))) enable(join(store, 'blobs', name));
  });
  after(() => volume.remove());
  const check = (...words: string[]) =>
    runProgramFile(['check', '--fs-verity', '--store', store, '--state', volume.state, ...words], {
      environment: { PATH: process.env.PATH ?? '' },
    });

  test('takes a copy that has the sealed digest, and a copy without fs-verity is hashed', async () => {
    const first = await check();
    assert.equal(first.status, 0, first.stdout);
    assert.doesNotMatch(first.stdout, /verity-not-used/);
    const path = model.blob('model');
    const replace = (how: (copy: string) => void) => {
      copyFileSync(path, `${volume.path}/copy`);
      how(`${volume.path}/copy`);
      renameSync(`${volume.path}/copy`, path);
    };
    replace(enable);
    const copied = await check();
    assert.match(copied.stdout, /2 of 2 blobs .* were taken from the seal of .*, 1 of them by fs-verity/);
    replace(() => {});
    const plain = await check();
    assert.match(plain.stdout, /1 of 2 blobs .* were taken from the seal/);
    replace(enable);
    assert.equal((await check()).status, 0);
  });

  test('what it takes nobody can write, and what decays below it cannot be read', async () => {
    const path = blobPath(store, model.digest('model'));
    assert.throws(() => appendFileSync(path, 'x'), { code: 'EPERM' });
    volume.unmount();
    volume.decay(weights);
    volume.mount();
    const sealed = await check();
    assert.equal(sealed.status, 0, 'nothing reads the bytes');
    assert.throws(() => readFileSync(path), { code: 'EIO' });
    const full = await check('--full');
    assert.equal(full.status, 4, full.stdout);
    assert.match(full.stdout, /blob-unreadable: .*EIO/);
  });
});
