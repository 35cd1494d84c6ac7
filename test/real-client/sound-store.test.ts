import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { runMain } from '../fixtures/run-main.ts';
import { manifestPathOf } from '../fixtures/sample-store.ts';
import { findOllama } from './find-ollama.ts';
import { createModel } from './made-models.ts';
import { OllamaServer } from './ollama-server.ts';
import { checkStore } from './product.ts';

const { program, skip } = findOllama(
  'that a store made by the real client checks as ok, and that list shows what `ollama list` shows',
);

/** The first two columns of a table, as `name id`, sorted. */
const namesAndIds = (table: string): string[] =>
  table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, name, id] = /^(\S+) +([0-9a-f]{12}) /.exec(line) ?? [];
      return name === undefined ? [] : [`${name} ${id}`];
    })
    .sort();

interface Tags {
  readonly models: readonly {
    readonly name: string;
    readonly digest: string;
    readonly details: { readonly parameter_size: string };
  }[];
}

interface Listed {
  readonly models: readonly { readonly name: string; readonly id: string; readonly parameters: string }[];
}

describe('a store made by the real client', { skip }, () => {
  let server: OllamaServer;
  before(async () => {
    server = await OllamaServer.start(program ?? '');
    await createModel(server, 'sample');
    for (const copy of ['a-copy', 'Someone/sample:v1.5', 'models.example:5000/team/sample:Q4_K_M']) {
      const { status, output } = await server.ollama('cp', 'sample', copy);
      assert.equal(status, 0, output);
    }
    await createModel(server, 'other:7b', { system: 'You answer in verse.' });
  });
  after(() => server.stop());

  test('checks as ok, with exit status 0 and nothing found at all', async () => {
    const report = await checkStore(server.store);
    assert.equal(report.exitCode, 0);
    assert.equal(report.partial, false);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(
      report.models.map(({ name, status }) => `${name} ${status}`),
      [
        'models.example:5000/team/sample:Q4_K_M ok',
        'registry.ollama.ai/Someone/sample:v1.5 ok',
        'registry.ollama.ai/library/a-copy:latest ok',
        'registry.ollama.ai/library/other:7b ok',
        'registry.ollama.ai/library/sample:latest ok',
      ],
    );
    // Seven layers and configs of the first model; system, license and messages of the second are its own.
    assert.equal(report.summary.blobs, 10);
    assert.equal(report.summary.hashedBytes, report.summary.bytes);
  });

  test('each of its models, named as `ollama list` shows it, checks as ok alone', async () => {
    const listed = await server.ollama('list');
    for (const line of namesAndIds(listed.stdout)) {
      const name = line.split(' ')[0] ?? '';
      const report = await checkStore(server.store, name);
      assert.deepEqual([report.exitCode, report.findings], [0, []], name);
      assert.deepEqual(
        report.models.map(({ status }) => status),
        ['ok'],
      );
    }
  });

  test('is listed with the same names and the same ids as by `ollama list`', async () => {
    const real = await server.ollama('list');
    const ours = await runMain(['list', '--store', server.store]);
    assert.equal(namesAndIds(real.stdout).length, 5);
    assert.deepEqual(namesAndIds(ours.stdout), namesAndIds(real.stdout));
  });

  test('is listed with the same parameter counts as by the API', async () => {
    const response = await fetch(`${server.url}/api/tags`);
    const tags = (await response.json()) as Tags;
    const { stdout } = await runMain(['list', '--store', server.store, '--json']);
    const ours: Listed = JSON.parse(stdout);
    const short = (name: string) => name.replace(/^registry\.ollama\.ai\/(?:library\/)?/, '');
    assert.deepEqual(
      ours.models.map(({ name, id, parameters }) => [short(name), id, parameters]).sort(),
      tags.models
        .map(({ name, digest, details }) => [name, digest.slice(0, 12), details.parameter_size])
        .sort(),
    );
  });

  test('has a model that the real client made remote: complete, and reported as one', async () => {
    const made = await fetch(`${server.url}/api/create`, {
      method: 'POST',
      body: JSON.stringify({ model: 'far', from: 'big:1t', remote_host: 'https://remote.example:443' }),
    });
    assert.match(await made.text(), /"success"/);
    assert.match(
      readFileSync(manifestPathOf(server.store, 'registry.ollama.ai/library/far:latest'), 'utf8'),
      /"layers":null/,
    );
    const report = await checkStore(server.store);
    assert.equal(report.exitCode, 0);
    assert.deepEqual(
      report.findings.map(({ rule, model, actual }) => ({ rule, model, actual })),
      [
        {
          rule: 'model-remote',
          model: 'registry.ollama.ai/library/far:latest',
          actual: 'https://remote.example:443',
        },
      ],
    );
    const removed = await server.type(report.findings[0]?.hint ?? '');
    assert.equal(removed.status, 0, removed.output);
    assert.deepEqual((await checkStore(server.store)).findings, []);
  });
});
