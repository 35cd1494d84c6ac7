import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { getLocal } from '../../cli/terminal/index.ts';
import { BlobHolder } from '../fixtures/blob-holder.ts';
import { runMainWith } from '../fixtures/run-main.ts';
import { type SampleModel, sampleLayers, sha256 } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';
import { until } from '../fixtures/until.ts';

const linux = process.platform === 'linux';

describe('check --running', { skip: !linux && 'needs Linux' }, () => {
  let site: SealedSite;
  let model: SampleModel;
  let answer: string;
  const holders: BlobHolder[] = [];
  let server: Server;
  let host: string;
  // This process answers in the place of Ollama; what it starts is its runners.
  before(async () => {
    server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());
  beforeEach(() => {
    site = new SealedSite();
    model = site.scratch.addModel();
    answer = loaded(['sample:latest', idOf(model)]);
  });
  afterEach(async () => {
    for (const holder of holders.splice(0)) await holder.end();
    site.remove();
  });

  const idOf = ({ manifestPath }: SampleModel) => sha256(readFileSync(manifestPath)).slice(7);
  const loaded = (...models: (readonly [string, string])[]) =>
    JSON.stringify({ models: models.map(([name, digest]) => ({ name, digest })) });
  const hold = async (how: 'open' | 'named', path: string) => {
    const holder = await BlobHolder.start(how, path);
    holders.push(holder);
    return holder;
  };
  const run = async (...words: string[]) => {
    const io = site.io({ OLLAMA_HOST: host });
    io.get = getLocal;
    const { stdout, stderr, status } = await runMainWith(io, [
      ...['check', '--running', '--json', ...site.where],
      ...words,
    ]);
    if (stdout === '') return { status, rules: [], said: stderr };
    const { findings } = JSON.parse(stdout) as { findings: { rule: string; message: string }[] };
    const about = findings.filter(({ rule }) => rule.startsWith('running-'));
    return {
      status,
      rules: about.map(({ rule }) => rule),
      said: about.map(({ message }) => message).join('\n'),
    };
  };

  test('says which process has the verified weights open', async () => {
    const { pid } = await hold('open', model.blob('model'));
    const found = await run();
    assert.deepEqual([found.status, found.rules], [0, ['running-verified']]);
    assert.equal(found.said, `sample:latest is loaded from the files that were verified, by process ${pid}`);
  });

  test('takes what a seal proves for verified', async () => {
    await hold('open', model.blob('model'));
    await run('--sealed');
    assert.deepEqual((await run('--sealed')).rules, ['running-verified']);
  });

  test('takes weights for verified that have not changed since before the process started that was given them', async () => {
    const { ctimeMs } = statSync(model.blob('model'));
    await until(() => Date.now() - ctimeMs > 4000);
    await hold('named', model.blob('model'));
    assert.deepEqual((await run()).rules, ['running-verified']);
  });

  test('tells weights of another store that its process was given, whatever their name and age', async () => {
    const other = new SealedSite();
    try {
      const path = other.scratch.addModel().blob('model');
      const { ctimeMs } = statSync(path);
      await until(() => Date.now() - ctimeMs > 4000);
      const { pid } = await hold('named', path);
      const found = await run();
      assert.deepEqual([found.status, found.rules], [1, ['running-altered']]);
      assert.match(found.said, new RegExp(`^process ${pid} was given another file as the weights of sample`));
    } finally {
      other.remove();
    }
  });

  test('cannot tell of a projector that changed about when its process was given it', async () => {
    const both = site.scratch.addModel('registry.ollama.ai/library/both:latest', [
      ...sampleLayers(),
      { kind: 'projector', bytes: Buffer.from('eyes') },
    ]);
    answer = loaded(['both:latest', idOf(both)]);
    await hold('open', both.blob('model'));
    await hold('named', both.blob('projector'));
    writeFileSync(both.blob('projector'), 'eyes');
    const found = await run();
    assert.deepEqual([found.status, found.rules], [4, ['running-unseen']]);
    assert.match(found.said, /its projector layer changed about when it was loaded/);
  });

  test('cannot tell of tensors that nobody has open', async () => {
    const tensors = site.scratch.addModel('registry.ollama.ai/library/tensors:latest', [
      { kind: 'tensor', bytes: Buffer.from('numbers') },
    ]);
    answer = loaded(['tensors:latest', idOf(tensors)]);
    const found = await run();
    assert.deepEqual([found.status, found.rules], [4, ['running-unseen']]);
    assert.match(found.said, /no process of Ollama has its tensor layer open/);
    await hold('open', tensors.blob('tensor'));
    assert.deepEqual((await run()).rules, ['running-verified']);
  });

  test('does not, when they changed about when it started', async () => {
    await hold('named', model.blob('model'));
    writeFileSync(model.blob('model'), readFileSync(model.blob('model')));
    const found = await run();
    assert.deepEqual([found.status, found.rules], [4, ['running-unseen']]);
    assert.match(found.said, /its weights changed about when it was loaded/);
  });

  test('tells a file that was replaced after it was loaded, although the same bytes lie there now', async () => {
    const path = model.blob('model');
    const { pid } = await hold('open', path);
    writeFileSync(`${path}.new`, readFileSync(path));
    renameSync(`${path}.new`, path);
    const found = await run();
    assert.deepEqual([found.status, found.rules], [1, ['running-altered']]);
    assert.match(
      found.said,
      new RegExp(`^process ${pid} has another file open as the weights of sample:latest`),
    );
  });

  test('tells a manifest that was replaced after it was loaded', async () => {
    await hold('open', model.blob('model'));
    answer = loaded(['sample:latest', 'f'.repeat(64)]);
    const found = await run();
    assert.deepEqual([found.status, found.rules], [1, ['running-altered']]);
  });

  test('cannot tell where no process is seen that has them, nor of a model that was not checked', async () => {
    const other = site.scratch.addModel('registry.ollama.ai/library/other:7b', sampleLayers('Be brief.'));
    answer = loaded(['sample:latest', idOf(model)], ['other:7b', idOf(other)], ['gone:1b', 'f'.repeat(64)]);
    const found = await run('sample');
    assert.equal(found.status, 4);
    assert.deepEqual(found.rules, ['running-unseen', 'running-unseen', 'running-unseen']);
    assert.match(found.said, /sample:latest is loaded, and no process of Ollama has its weights open/);
    assert.match(found.said, /gone:1b is loaded, and it is no model of this check/);
  });

  test('cannot tell of weights that were not hashed', async () => {
    await hold('open', model.blob('model'));
    const found = await run('--subset', '1/1000000');
    assert.equal(found.status & 4, 4);
    assert.match(found.said, /its weights were not proven in this run/);
  });

  test('leaves another Ollama of this machine alone, which has the same model in a store of its own', async () => {
    const other = new SealedSite();
    try {
      const path = other.scratch.addModel().blob('model');
      // Not a child of this process: its parent has ended.
      const script = `sleep 60 3< '${path}' > /dev/null 2>&1 & echo $!`;
      const pid = Number(spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout);
      await hold('open', model.blob('model'));
      const found = await run();
      process.kill(pid);
      assert.deepEqual([found.status, found.rules], [0, ['running-verified']]);
    } finally {
      other.remove();
    }
  });

  test('says that nothing is loaded', async () => {
    answer = loaded();
    assert.deepEqual(await run(), {
      status: 0,
      rules: ['running-verified'],
      said: 'Ollama has no model loaded',
    });
  });

  test('ends before anything is hashed where Ollama does not answer, and on another system', async () => {
    for (const [platform, status, said] of [
      ['darwin', 64, /looks into \/proc/],
      ['linux', 4, /cannot ask Ollama at http:\/\/127\.0\.0\.1:11434\/api\/ps: nobody listens/],
    ] as const) {
      const io = site.io();
      io.platform = platform;
      const run = await runMainWith(io, ['check', '--running', '--store', site.store]);
      assert.deepEqual([run.status, run.stdout], [status, '']);
      assert.match(run.stderr, said);
    }
  });
});
