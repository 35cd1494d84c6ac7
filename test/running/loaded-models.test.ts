import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LoadedModel, loadedModels, ollamaUrl } from '../../src/running/index.ts';

describe('where the Ollama of this machine listens', () => {
  const places: readonly (readonly [host: string | undefined, url: string])[] = [
    [undefined, 'http://127.0.0.1:11434/'],
    ['', 'http://127.0.0.1:11434/'],
    ['  ', 'http://127.0.0.1:11434/'],
    ['0.0.0.0', 'http://127.0.0.1:11434/'],
    ['0.0.0.0:8080', 'http://127.0.0.1:8080/'],
    [':8080', 'http://127.0.0.1:8080/'],
    ['localhost', 'http://localhost:11434/'],
    ['127.1.2.3:9', 'http://127.1.2.3:9/'],
    ['[::1]:9', 'http://[::1]:9/'],
    ['[::]', 'http://127.0.0.1:11434/'],
    ['http://localhost', 'http://localhost/'],
    ['http://localhost:9/', 'http://localhost:9/'],
    ['https://localhost', 'https://localhost/'],
  ];
  for (const [host, url] of places) {
    test(`OLLAMA_HOST=${host ?? '(unset)'} is ${url}`, () => assert.equal(ollamaUrl(host).href, url));
  }

  for (const host of [
    'gpu-7.corp',
    '10.0.0.7:11434',
    'http://example.com',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    'a b',
  ]) {
    test(`OLLAMA_HOST=${host} is another machine, whose files cannot be seen from here`, () => {
      assert.throws(() => ollamaUrl(host), { code: 'USAGE' });
    });
  }
});

describe('what Ollama has loaded', () => {
  const base = new URL('http://127.0.0.1:11434');
  const id = 'a'.repeat(64);
  const ask = (text: string, status = 200): Promise<readonly LoadedModel[]> =>
    loadedModels(base, async (url) => {
      assert.equal(url.href, 'http://127.0.0.1:11434/api/ps');
      return { status, text };
    });

  test('is the name and the id of each model, whatever else the answer holds', async () => {
    const model = { name: 'sample:latest', model: 'sample:latest', digest: id, size: 7, expires_at: 'x' };
    assert.deepEqual(await ask(JSON.stringify({ models: [model] })), [{ name: 'sample:latest', id }]);
    assert.deepEqual(await ask('{"models":[]}'), []);
  });

  for (const [what, text, status] of [
    ['no JSON', '<html>', 200],
    ['another document', '{"message":"hello"}', 200],
    ['a digest that is none', '{"models":[{"name":"x","digest":"sha256:1"}]}', 200],
    ['an error', '{"models":[]}', 500],
    ['too long a name', JSON.stringify({ models: [{ name: 'x'.repeat(1001), digest: id }] }), 200],
  ] as const) {
    test(`is not known from ${what}`, async () => {
      await assert.rejects(ask(text, status), { code: 'OLLAMA_UNREACHABLE' });
    });
  }

  test('is not known where nobody answers', async () => {
    const nobody = loadedModels(base, () => Promise.reject(new Error('connect ECONNREFUSED')));
    await assert.rejects(nobody, { code: 'OLLAMA_UNREACHABLE', message: /ECONNREFUSED/ });
  });
});
