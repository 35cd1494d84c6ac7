import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { newIo, runMain, runMainWith } from '../../fixtures/run-main.ts';
import { ScratchFiles } from '../../fixtures/scratch-files.ts';

// What the real single executable does is shown in test/executable.
describe('copy-self', () => {
  const files = new ScratchFiles();
  after(() => files.remove());
  const single = (program: string) => {
    const io = newIo();
    io.singleExecutable = true;
    io.program = program;
    return io;
  };

  test('copies the program that runs, and says what lies there now and what to type next', async () => {
    const program = files.write(Buffer.from('the program'));
    const target = join(files.folder, 'verify-models');
    const { status, stdout, stderr } = await runMainWith(single(program), ['copy-self', files.folder]);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(
      stdout,
      /^\/.*\/verify-models: 11 B, sha256:50fda23b[0-9a-f]{56}\nnext: \/.*\/verify-models exec -- ollama serve\n$/,
    );
    assert.equal(readFileSync(target, 'utf8'), 'the program');
    assert.equal(statSync(target).mode & 0o777, 0o755);
    assert.equal((await runMainWith(single(program), ['copy-self', files.folder, '--quiet'])).stdout, '');
  });

  test('replaces a link that another container left there, and does not follow it', async () => {
    const program = files.write(Buffer.from('the program'));
    const [folder, precious] = [join(files.folder, 'shared'), files.write(Buffer.from('precious'))];
    mkdirSync(folder);
    symlinkSync(precious, join(folder, 'verify-models'));
    const { status } = await runMainWith(single(program), ['copy-self', folder]);
    assert.deepEqual([status, readFileSync(precious, 'utf8')], [0, 'precious']);
    assert.ok(lstatSync(join(folder, 'verify-models')).isFile());
    assert.equal(readFileSync(join(folder, 'verify-models'), 'utf8'), 'the program');
  });

  test('is refused where the program runs on Node.js, and says how to make one file', async () => {
    const { status, stderr } = await runMain(['copy-self', files.folder]);
    assert.equal(status, 64);
    assert.match(stderr, /this program runs on Node\.js \(npm run build:executable makes one\)/);
  });

  test('leaves nothing where it cannot write', async () => {
    const program = files.write(Buffer.from('the program'));
    writeFileSync(join(files.folder, 'a-file'), '');
    for (const folder of ['nowhere', 'a-file']) {
      const run = await runMainWith(single(program), ['copy-self', join(files.folder, folder)]);
      assert.deepEqual([run.status, run.stdout], [4, '']);
      assert.match(run.stderr, new RegExp(`cannot write .*/${folder}/verify-models: `));
    }
    assert.deepEqual(
      readdirSync(files.folder).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });

  test('wants one directory, and prints text', async () => {
    for (const words of [['copy-self'], ['copy-self', '/a', '/b'], ['copy-self', '/a', '--json']]) {
      const { status, stderr } = await runMain(words);
      assert.equal(status, 64, stderr);
    }
  });
});
