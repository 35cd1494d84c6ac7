import assert from 'node:assert/strict';
import {
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { asOllamaReads } from '../../src/store/index.ts';
import { addSampleModel, blobPath, type SampleModel, sha256 } from '../fixtures/sample-store.ts';
import { findOllama } from './find-ollama.ts';
import { OllamaServer } from './ollama-server.ts';
import { checkStore } from './product.ts';

const { program, skip } = findOllama('what the rules say that Ollama does at its start');

const orphan = Buffer.from('a layer that no manifest names');
const hex = (letter: string): string => `sha256-${letter.repeat(64)}`;

describe('at its start the real client', { skip }, () => {
  let server: OllamaServer | undefined;
  let sample: SampleModel;
  const store = (): string => server?.store ?? '';
  const inBlobs = (name: string): string => join(store(), 'blobs', name);

  beforeEach(async () => {
    server ??= await OllamaServer.start(program ?? '');
    await server.halt();
    rmSync(store(), { recursive: true });
    sample = addSampleModel(store());
  });
  after(() => server?.stop());

  /** Sets the time of a file, not of what it may lead to. */
  const age = (file: string, minutes: number): void => {
    const time = Date.now() / 1000 - minutes * 60;
    lutimesSync(file, time, time);
  };

  const put = (file: string, minutes: number, bytes: string | Buffer = 'x'): string => {
    writeFileSync(file, bytes);
    age(file, minutes);
    return file;
  };

  /** Rules with the file each is about, without the directory. */
  const found = async (): Promise<string[]> =>
    (await checkStore(store())).findings.map(({ rule, path }) => `${rule} ${path?.split('/').pop()}`);

  /** Everything a prune deletes, with the finding that announces it. */
  function putOldFiles(): string[] {
    const orphanName = sha256(orphan).replace(':', '-');
    put(inBlobs(orphanName), 61, orphan);
    put(inBlobs(`${hex('1')}-partial`), 61);
    put(inBlobs(`${hex('1')}-partial-0`), 61);
    put(inBlobs('sha256-5555'), 61);
    put(inBlobs('README.txt'), 61);
    put(inBlobs(hex('A')), 61);
    symlinkSync('README.txt', inBlobs('link'));
    age(inBlobs('link'), 61);
    return [
      `blob-foreign README.txt`,
      `blob-foreign link`,
      `blob-name-case ${hex('A')}`,
      `blob-orphan ${orphanName}`,
      `blob-partial ${hex('1')}-partial`,
      `blob-partial ${hex('1')}-partial-0`,
      `blob-partial sha256-5555`,
    ];
  }

  test('deletes what the check calls foreign, orphan, partial and upper-case, once it is an hour old', async () => {
    const announced = putOldFiles();
    mkdirSync(inBlobs('folder'));
    put(inBlobs('notes.txt'), 59);
    put(inBlobs(`${hex('2')}-partial`), 59);
    assert.deepEqual(
      (await found()).sort(),
      [...announced, 'blob-foreign notes.txt', `blob-partial ${hex('2')}-partial`].sort(),
    );
    await server?.restart();
    assert.deepEqual((await found()).sort(), ['blob-foreign notes.txt', `blob-partial ${hex('2')}-partial`]);
    assert.ok(existsSync(inBlobs('folder')));
    assert.ok(readdirSync(inBlobs('')).length > 3);
  });

  for (const [what, damage] of [
    ['a .DS_Store at the fourth level', () => put(join(sample.manifestPath, '..', '.DS_Store'), 0)],
    ['a broken manifest', () => truncateSync(sample.manifestPath, 10)],
  ] as const) {
    test(`deletes nothing because of ${what}`, async () => {
      const announced = putOldFiles();
      damage();
      for (const kind of ['model', 'system', 'config']) age(sample.blob(kind), 61);
      const before = await found();
      await server?.restart();
      assert.match(server?.log ?? '', /skipping prune/);
      assert.deepEqual(await found(), before);
      for (const line of announced) assert.ok(existsSync(inBlobs(line.split(' ')[1] ?? '')), line);
      for (const kind of ['model', 'system', 'config']) assert.ok(existsSync(sample.blob(kind)), kind);
    });
  }

  test('serves the store of the trimmed name, whatever lies under the name that it was given', async () => {
    for (const end of [' ', '"', "'", '\u0085', '\u00a0', '\ufeff']) {
      const given = `${store()}${end}`;
      mkdirSync(given);
      await server?.restart([], { OLLAMA_MODELS: given });
      const served = asOllamaReads(given) === store();
      assert.equal((await server?.ollama('list'))?.stdout.includes('sample'), served, JSON.stringify(end));
      rmSync(given, { recursive: true });
    }
  });

  test('says of the .DS_Store what the check says: the name is skipped and the clean-up is off', async () => {
    put(join(sample.manifestPath, '..', '.DS_Store'), 0);
    assert.deepEqual(await found(), ['name-illegal .DS_Store', 'prune-disabled .DS_Store']);
  });

  test('deletes the blobs of a manifest that lies one level too deep', async () => {
    const text = readFileSync(sample.manifestPath);
    rmSync(sample.manifestPath);
    mkdirSync(sample.manifestPath);
    put(join(sample.manifestPath, 'deeper'), 0, text);
    for (const name of readdirSync(inBlobs(''))) age(inBlobs(name), 61);
    assert.ok((await found()).includes('name-illegal deeper'));
    await server?.restart();
    assert.deepEqual(readdirSync(inBlobs('')), []);
  });

  test('renames a blob with a colon over the one with a dash, whatever is in it', async () => {
    const dash = sample.blob('system');
    const colon = inBlobs(sample.digest('system'));
    put(colon, 0, 'Obey the user.');
    const before = await found();
    assert.ok(before.includes(`blob-name-colon ${sample.digest('system')}`), before.join('\n'));
    await server?.restart();
    assert.equal(existsSync(colon), false);
    assert.equal(readFileSync(dash, 'utf8'), 'Obey the user.');
    assert.deepEqual(await found(), [`blob-wrong-size ${sample.digest('system').replace(':', '-')}`]);
  });

  test('brings back a blob that lies there with a colon only, and the check reads it', async () => {
    const bytes = readFileSync(sample.blob('system'));
    rmSync(sample.blob('system'));
    put(inBlobs(sample.digest('system')), 0, bytes);
    assert.deepEqual(await found(), [`blob-name-colon ${sample.digest('system')}`]);
    await server?.restart();
    assert.deepEqual(await found(), []);
    assert.deepEqual(readFileSync(blobPath(store(), sample.digest('system'))), bytes);
  });
});
