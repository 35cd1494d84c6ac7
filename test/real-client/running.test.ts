import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { runProgramFile } from '../fixtures/run-program.ts';
import { findOllama } from './find-ollama.ts';
import { createModel } from './made-models.ts';
import { OllamaServer } from './ollama-server.ts';

const { program, skip } = findOllama(
  'that `check --running` reads what the real server says of its loaded models',
);

suite('check --running', { skip }, () => {
  let server: OllamaServer;
  before(async () => {
    server = await OllamaServer.start(program ?? '');
    await createModel(server, 'sample');
  });
  after(() => server.stop());

  // Loading needs weights and a runner that no test brings; that is shown with processes that have blobs open.
  test('understands the answer of the real server, and that nobody listens any more', async () => {
    const words = ['check', '--running', '--store', server.store, '--state', join(server.folder, 'state')];
    const environment = { ...bareEnvironment, OLLAMA_HOST: new URL(server.url).host };
    const run = await runProgramFile(words, { environment });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    assert.match(run.stdout, /running-verified: Ollama has no model loaded/);
    await server.halt();
    const refused = await runProgramFile(words, { environment });
    assert.equal(refused.status, 4);
    assert.match(refused.stderr, /cannot ask Ollama at http:.*ECONNREFUSED.*OLLAMA_UNREACHABLE/);
  });
});
