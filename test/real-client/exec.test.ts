import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { extentsOf, hasReflinks } from '../fixtures/reflinks.ts';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { runProgramFile, program as verifier } from '../fixtures/run-program.ts';
import { blobPath, manifestPathOf } from '../fixtures/sample-store.ts';
import { findOllama } from './find-ollama.ts';
import { createModel } from './made-models.ts';
import { OllamaServer } from './ollama-server.ts';

const { program, skip } = findOllama(
  'that `exec -- ollama serve` becomes the real server on an approved store, and never starts it after one flipped bit',
);
const root = process.getuid?.() === 0;

suite('exec -- ollama serve', { skip }, () => {
  let server: OllamaServer;
  let system: string;
  const exec = (...words: string[]) => {
    const state = join(server.folder, 'state');
    return [process.execPath, verifier, 'exec', '--store', server.store, '--state', state, ...words, '--'];
  };
  const environment = { VERIFY_MODELS_CONFIG: bareEnvironment.VERIFY_MODELS_CONFIG };
  before(async () => {
    server = await OllamaServer.start(program ?? '');
    await createModel(server, 'sample');
    await createModel(server, 'other:7b', { system: 'You answer in verse.' });
    const manifest = JSON.parse(
      readFileSync(manifestPathOf(server.store, 'registry.ollama.ai/library/sample:latest'), 'utf8'),
    ) as { layers: { mediaType: string; digest: string }[] };
    const layer = manifest.layers.find(({ mediaType }) => mediaType.endsWith('.system'));
    system = blobPath(server.store, layer?.digest ?? '');
  });
  after(() => server.stop());

  const flip = () => flipBit(system, 0, 0);

  test('starts on a store that is in order, and lists its models', async () => {
    await server.restart(exec(), environment);
    const { output } = await server.ollama('list');
    assert.match(output, /sample:latest/);
    assert.match(output, /other:7b/);
  });

  test('does not start after one flipped bit with the old time put back, sealed as the store is', async () => {
    await server.halt();
    flip();
    await assert.rejects(
      server.restart(exec(), environment),
      /blob-altered: the system layer of sample:latest.*not started/s,
    );
    flip();
    await server.restart(exec(), environment);
  });

  /** The list of `other:7b` alone, and the words that name it. */
  async function approveOther(): Promise<string[]> {
    const [list, key] = [join(server.folder, 'allow-list.json'), join(server.folder, 'approver')];
    const secret = { environment: { VERIFY_MODELS_PASSPHRASE: 'open sesame' } };
    for (const words of [
      ['keygen', key],
      ['allow', 'other:7b', '--store', server.store, '--allow-list', list],
      ['sign', list, '--key', `${key}.key`, '--store', server.store],
    ]) {
      const { status, stderr } = await runProgramFile(words, secret);
      assert.equal(status, 0, stderr);
    }
    return ['--allow-list', list, '--key', `${key}.pub`];
  }

  const serveAllowed = async (why: string, words: readonly string[]) => {
    await server.halt();
    const home = join(server.folder, why);
    mkdirSync(home);
    chownSync(home, 61_001, 61_001);
    chmodSync(server.folder, 0o755);
    const all = ['--on-fail', 'serve-allowed', '--user', '61001:61001', ...words];
    // A user without a line in passwd is at home nowhere, and Ollama keeps its key at home.
    await server.restart([...exec(...all), 'env', `HOME=${home}`], environment);
    const { output } = await server.ollama('list');
    assert.doesNotMatch(output, /sample/);
    assert.match(output, /other:7b/);
    // Its user cannot bring it back by the name that was left out.
    assert.notEqual((await server.ollama('show', 'sample')).status, 0);
    assertNotCopied();
    await server.halt();
  };

  function assertNotCopied(): void {
    const other = JSON.parse(
      readFileSync(manifestPathOf(server.store, 'registry.ollama.ai/library/other:7b'), 'utf8'),
    ) as { layers: { digest: string }[] };
    const shared = hasReflinks(server.folder) ? extentsOf : (path: string) => [statSync(path).ino];
    assert.ok(other.layers.length > 0);
    for (const { digest } of other.layers) {
      const [here, there] = [server.store, `${server.store}.allowed`].map((at) => blobPath(at, digest));
      assert.deepEqual(shared(there ?? ''), shared(here ?? ''));
    }
  }

  test('with serve-allowed, an unlisted model is absent from ollama list, and no byte was copied', {
    skip: !root && 'needs root',
  }, async () => {
    await serveAllowed('unlisted', await approveOther());
  });

  test('with serve-allowed, a model that is not sound is absent from ollama list, and no byte was copied', {
    skip: !root && 'needs root',
  }, async () => {
    await server.halt();
    flip();
    await serveAllowed('unsound', []);
    flip();
  });
});
