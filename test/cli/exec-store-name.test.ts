import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { SealedSite } from '../fixtures/sealed-site.ts';

suite('exec over a store whose name Ollama reads otherwise', () => {
  let site: SealedSite;
  beforeEach(() => {
    site = new SealedSite();
    site.scratch.addModel();
    // What Ollama would serve: whatever lies there.
    mkdirSync(site.beside('other'));
  });
  afterEach(() => site.remove());

  const exec = (store: string, ...more: readonly string[]) =>
    site.run('exec', ...more, '--store', store, '--state', site.state, '--', 'sh');

  for (const [what, end] of [
    ['a blank', ' '],
    ['a tab', '\t'],
    ['a line break', '\n'],
    ['a quote', "'"],
    ['double quotes and a blank', '"" '],
    ['a blank of Unicode', '\u00a0'],
    ['a blank that only Go takes for one', '\u0085'],
  ] as const)
    test(`with ${what} at its end, nothing is started`, async () => {
      const store = site.beside(`other${end}`);
      renameSync(site.store, store);
      for (const more of [[], ['--on-fail', 'quarantine']]) {
        const run = await exec(store, ...more);
        assert.deepEqual([run.status, run.io.replaced], [64, undefined]);
        assert.match(run.stderr, /Ollama would serve \S+other and not the store /);
      }
    });

  test('also where a link with a plain name leads to it', async () => {
    const store = site.beside('other ');
    renameSync(site.store, store);
    symlinkSync(store, site.beside('models'));
    assert.equal((await exec(site.beside('models'))).status, 64);
  });

  test('with blanks and quotes elsewhere in it, it starts on that very store', async () => {
    const store = site.beside(`my "models"\ufeff`);
    renameSync(site.store, store);
    const run = await exec(store);
    assert.equal(run.status, 0, run.stderr);
    assert.equal(run.io.replaced?.environment.OLLAMA_MODELS, store);
  });
});
