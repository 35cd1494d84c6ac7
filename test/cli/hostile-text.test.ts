import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { formats } from '../../src/config/index.ts';
import { unprintable } from '../../src/findings/index.ts';
import { runMain } from '../fixtures/run-main.ts';
import { addSampleModel, sampleConfig, sampleLayers } from '../fixtures/sample-store.ts';

let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Nothing in it that a terminal would obey or hide: the line break is the only control character. */
function assertPrintable(text: string, where: string): void {
  assert.notEqual(text, '', where);
  const found = unprintable.exec(text.replaceAll('\n', ''));
  assert.equal(found, null, `${where}: ${JSON.stringify(found?.[0])} in ${JSON.stringify(text)}`);
}

/** Characters that move the cursor, colour, ring, turn the reading direction, or are not seen at all. */
const nasty = [
  '\u001b[31m',
  '\u001b]0;x\u0007',
  '\r',
  '\n',
  '\t',
  '\b',
  '\u007f',
  '\u009b2J',
  '\u0085',
].concat(
  ['\u202e', '\u2066', '\u200b', '\u200f', '\ufeff', '\u2028', '\u2029', '\u00ad', '\ue000', '\u{e0041}'],
  ["'", '"', '&', '<', ']]>', '\\', '`', '$(x)', 'a', 'é', '模', '\u{1f600}'],
);

/** The name of a file or a directory: bytes, now and then not UTF-8. */
const fileName = fc
  .array(
    fc.oneof(
      fc.constantFrom(...nasty).map((text) => Buffer.from(text)),
      fc.constant(Buffer.from([0xff])),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => Buffer.concat([Buffer.from('n'), ...parts.map((part) => noSlash(part))]));

const noSlash = (bytes: Buffer): Buffer => Buffer.from(bytes.filter((byte) => byte !== 0x2f && byte !== 0));

const someText = fc
  .array(fc.constantFrom(...nasty), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''));

const at = (parent: string | Buffer, name: Buffer): Buffer =>
  Buffer.concat([Buffer.from(parent), Buffer.from('/'), name]);

interface Hostile {
  readonly names: readonly Buffer[];
  readonly storeName: Buffer;
  readonly text: string;
}

/** A store in which every place that takes a name or a text holds a hostile one. */
function makeStore({ names, storeName, text }: Hostile): string {
  // Ollama takes spaces and quotes from the end of OLLAMA_MODELS.
  const store = join(folder, `${storeName.toString('utf8').toWellFormed()}n`);
  addSampleModel(store, undefined, undefined, sampleConfig({ model_type: text, file_type: text }));
  const remote = sampleConfig({ remote_host: `https://${text}`, remote_model: text });
  addSampleModel(store, 'registry.ollama.ai/library/remote:latest', sampleLayers(text), remote);
  const library = join(store, 'manifests', 'registry.ollama.ai', 'library');
  mkdirSync(join(library, 'broken'));
  writeFileSync(join(library, 'broken', 'json'), `{"layers": ${text}`);
  writeFileSync(
    join(library, 'broken', 'key'),
    JSON.stringify({ [text]: 1, layers: [], Layers: [{ digest: text }] }),
  );
  for (const name of names) {
    const model = at(library, name);
    mkdirSync(model, { recursive: true });
    writeFileSync(at(model, name), JSON.stringify({ layers: [{ digest: text, mediaType: text, size: 1 }] }));
    writeFileSync(at(join(store, 'blobs'), name), '');
  }
  const blob = join(store, 'blobs', `sha256-${'a'.repeat(64)}`);
  symlinkSync(at(folder, names[0] ?? Buffer.from('n')), blob);
  symlinkSync(at(folder, names[0] ?? Buffer.from('n')), join(library, 'linked'));
  return store;
}

describe('no name, path or content of a store, and no word of a command line, reaches the outputs raw', () => {
  test('in no format of check, on stdout or in a file, nor in list', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fileName, { minLength: 1, maxLength: 3 }),
        fileName,
        someText,
        async (names, storeName, text) => {
          const store = makeStore({ names, storeName, text });
          try {
            const file = (format: string) => join(folder, `report.${format}`);
            const reports = formats.flatMap((format) => ['--report', `${format}=${file(format)}`]);
            const home = join(store, '..', `home ${text.replaceAll('/', '')}`);
            mkdirSync(join(home, '.ollama', 'models', 'manifests'), { recursive: true });
            const environment = { OLLAMA_MODELS: store, HOME: home };
            const check = await runMain(reports, { environment });
            assert.ok((check.status & ~13) === 0 && check.status !== 0, `${check.status} ${check.stderr}`);
            assertPrintable(check.stdout, 'stdout');
            assertPrintable(check.stderr, 'the note of the other store');
            for (const format of formats) assertPrintable(readFileSync(file(format), 'utf8'), format);
            for (const words of [['list'], ['list', '--json']]) {
              assertPrintable((await runMain(words, { environment })).stdout, words.join(' '));
            }
            rmSync(home, { recursive: true });
          } finally {
            rmSync(store, { recursive: true, force: true });
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  test('in no error', async () => {
    const store = join(folder, 'models');
    addSampleModel(store);
    await fc.assert(
      fc.asyncProperty(someText, async (text) => {
        for (const words of [
          ['--store', store, text],
          ['--store', `${folder}/${text}x`],
          ['--store', `${folder}/${text}x`, 'lst'],
          ['--store', store, '--jobs', text],
          ['--store', store, '--format', text],
          ['--store', store, '--report', `json=${store}/${text}`],
          ['--store', store, '--report', `json=${folder}/${text}/x/y`],
          ['--config', `${folder}/${text}x`],
          [`--x${text}`],
          ['list', text],
          ['help', text],
          ['explain', text],
          ['completion', text],
        ]) {
          const run = await runMain(words);
          assert.ok([4, 64].includes(run.status), `${words.join(' ')}: ${run.status}`);
          assert.equal(run.stdout, '');
          assertPrintable(run.stderr, words.join(' '));
          assert.match(run.stderr, /^verify-models: .* \([A-Z_]+\)\nnext: .*\n$/);
        }
      }),
      { numRuns: 25 },
    );
  });
});
