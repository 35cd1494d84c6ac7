import assert from 'node:assert/strict';
import {
  chmodSync,
  fstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { runMainWith } from '../fixtures/run-main.ts';
import { runProgramFile } from '../fixtures/run-program.ts';
import { type SampleModel, sha256 } from '../fixtures/sample-store.ts';
import { oneUserOwnsBoth, SealedSite } from '../fixtures/sealed-site.ts';

/** Days until a proof is too old by default, and one more. */
const tooLong = 8;

describe('check --fs-verity', () => {
  let site: SealedSite;
  let model: SampleModel;
  /** What the kernel measures: by content here, since a file with fs-verity has no other content ever. */
  let enabled: boolean;
  /** How often it was asked. */
  let asked: number;
  beforeEach(() => {
    asked = 0;
    site = new SealedSite();
    model = site.scratch.addModel();
    enabled = true;
  });
  afterEach(() => site.remove());

  const check = async (...words: string[]) => {
    const io = site.io();
    io.measureVerity = async (fd) => {
      asked += 1;
      return enabled
        ? sha256(
            Buffer.concat([
              Buffer.from('verity'),
              readFileSync(`/proc/self/fd/${fd}`),
              Buffer.from([fstatSync(fd).size % 7]),
            ]),
          )
        : new Error('ERROR: FS_IOC_MEASURE_VERITY failed: Operation not supported');
    };
    const { stdout, status } = await runMainWith(io, [...['check', '--json', ...site.where, ...words]]);
    const { blobs, findings } = JSON.parse(stdout) as {
      blobs: { proof: string }[];
      findings: { rule: string; message: string }[];
    };
    const sealed = blobs.filter(({ proof }) => proof === 'seal').length;
    const about = findings.filter(({ rule }) => /^(?:seal|verity)/.test(rule));
    return {
      status,
      sealed,
      rules: about.map(({ rule }) => rule),
      said: about.map(({ message }) => message).join('\n'),
    };
  };
  /** The same bytes in another file, as a copy or a restored backup has them. */
  const replace = () => {
    const path = model.blob('system');
    writeFileSync(`${path}.new`, readFileSync(path));
    renameSync(`${path}.new`, path);
    utimesSync(path, new Date(0), new Date(0));
  };

  const linux = process.platform === 'linux' ? false : 'needs Linux: /proc';
  test('takes a file that was copied, and a proof that is too old, where the kernel says the same', {
    skip: linux || oneUserOwnsBoth,
  }, async () => {
    assert.equal((await check('--fs-verity')).sealed, 0);
    replace();
    const moved = await check('--fs-verity');
    assert.deepEqual([moved.status, moved.sealed], [0, 6]);
    assert.match(moved.said, /6 of 6 blobs .* were taken from the seal of .*, 1 of them by fs-verity/);
    site.day += tooLong;
    const old = await check('--fs-verity');
    assert.deepEqual([old.sealed, old.rules], [6, ['seal-used']]);
    assert.match(old.said, /6 of them by fs-verity/);
  });

  test('keeps what the kernel says of files that were sealed before without it, and asks about each once', {
    skip: linux || oneUserOwnsBoth,
  }, async () => {
    await check('--sealed');
    assert.deepEqual([(await check('--fs-verity')).sealed, asked], [6, 6]);
    assert.deepEqual([(await check('--fs-verity')).sealed, asked], [6, 6]);
    site.day += tooLong;
    const old = await check('--fs-verity');
    assert.match(old.said, /6 of them by fs-verity/);
  });

  test('says that there is none also where everything is taken from a seal', {
    skip: oneUserOwnsBoth,
  }, async () => {
    enabled = false;
    await check('--sealed');
    assert.deepEqual((await check('--fs-verity')).rules, ['seal-used', 'verity-not-used']);
  });

  test('hashes what the kernel says something else of, or nothing', { skip: linux }, async () => {
    await check('--fs-verity');
    writeFileSync(model.blob('system'), Buffer.from('You are a careful assistant. Answer briefly!\n'));
    const altered = await check('--fs-verity');
    assert.deepEqual([altered.status, altered.sealed], [1, 5]);
    enabled = false;
    site.day += tooLong;
    assert.equal((await check('--fs-verity')).sealed, 0);
  });

  test('does not count where it is not asked for', { skip: linux }, async () => {
    await check('--fs-verity');
    replace();
    assert.equal((await check('--sealed')).sealed, 5);
    replace();
    assert.equal((await check('--fs-verity')).sealed, 6, 'what was said of the bytes is kept');
  });

  test('says that there is none, and seals by state as ever', async () => {
    enabled = false;
    const first = await check('--fs-verity');
    assert.deepEqual([first.status, first.rules], [0, ['seal-not-used', 'verity-not-used']]);
    assert.match(first.said, /fs-verity proves nothing here: .*Operation not supported/);
    assert.equal((await check('--fs-verity')).sealed, 6);
  });

  describe('by the program fsverity', { skip: linux }, () => {
    /** Prints what the real one (fsverity-utils 1.5) prints. */
    const standIn = (script: string) => {
      const folder = site.beside('bin');
      mkdirSync(folder);
      writeFileSync(`${folder}/fsverity`, `#!/bin/sh\n${script}\n`);
      chmodSync(`${folder}/fsverity`, 0o755);
      return folder;
    };
    const run = (path: string) =>
      runProgramFile(['check', '--fs-verity', ...site.where], {
        environment: { PATH: path },
      });

    test('asks it about the open file', { skip: oneUserOwnsBoth }, async () => {
      const script = `[ "$1 $2" = "measure /proc/self/fd/3" ] || exit 3
echo "sha256:$(/usr/bin/sha256sum < /proc/self/fd/3 | /usr/bin/cut -c1-64) /proc/self/fd/3"`;
      const bin = standIn(script);
      assert.equal((await run(bin)).status, 0);
      replace();
      const { stdout } = await run(bin);
      assert.match(stdout, /6 of 6 blobs .*by fs-verity/);
    });

    test('says what it says, and that it is missing', async () => {
      const bin = standIn('echo "ERROR: FS_IOC_MEASURE_VERITY failed: Operation not supported" >&2; exit 1');
      assert.match((await run(bin)).stdout, /verity-not-used: .*Operation not supported/);
      writeFileSync(model.blob('system'), readFileSync(model.blob('system')));
      const without = await run('/nonexistent');
      assert.equal(without.status, 0);
      assert.match(
        without.stdout,
        /verity-not-used: fs-verity proves nothing here: the program fsverity is not installed/,
      );
    });
  });
});
