import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Catalog } from '../../../src/catalog/index.ts';
import { built } from '../../across-the-gap/built-programs.ts';
import { MirrorCommands } from '../../fixtures/mirror-command.ts';
import { agents, ask } from '../../fixtures/raw-http.ts';
import { emptySettings } from '../../fixtures/run-main.ts';
import { publishFrom } from '../../fixtures/served-mirror.ts';
import { bundle, statement, TestSigner } from '../../fixtures/signed-list.ts';
import { SignedSite } from '../../fixtures/signed-site.ts';
import { until } from '../../fixtures/until.ts';

/** Long enough for a mirror to start and to fetch a small model. */
const secondsLeft = 10;

describe('the built mirror', () => {
  let site: SignedSite;
  let place: MirrorCommands;
  beforeEach(async () => {
    site = new SignedSite();
    place = await MirrorCommands.start();
    site.scratch.addModel();
    publishFrom(place.library, site.store, 'registry.ollama.ai/library/sample:latest');
    await site.allow('--all');
  });
  afterEach(async () => {
    site.remove();
    await place[Symbol.asyncDispose]();
  });

  /** An approval by the clock of this machine. */
  function approveFor(seconds: number): TestSigner {
    const alice = new TestSigner('alice');
    const bytes = readFileSync(site.list);
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    const predicate = { listId: 'models', version: 1, issued: at(-60_000), expires: at(seconds * 1000) };
    const approval = bundle(alice, JSON.stringify(statement(bytes, predicate)));
    writeFileSync(site.approvals, `${JSON.stringify(approval)}\n`);
    return alice;
  }

  test('serves a listed model no more when the approval of its list has expired, without a word to it', async () => {
    const key = site.beside('real.pub');
    writeFileSync(key, approveFor(secondsLeft).pem);
    const [node = '', ...program] = built('model-mirror');
    const words = ['serve', '--listen', '127.0.0.1:0', '--allow-list', site.list, '--key', key];
    const child = spawn(node, [...program, ...words, ...place.places], {
      env: { PATH: process.env.PATH, MODEL_MIRROR_CONFIG: emptySettings },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(child, 'exit');
    try {
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      await until(() => /serving on \S+/.test(said));
      const port = Number(/serving on http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
      const get = () => ask(port, '/v2/library/sample/manifests/latest', agents.ranges);
      const first = (await get()).status;
      await until(async () => (await get()).status === 403);
      assert.match((await get()).body.toString(), /its approval expired on /);
      child.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
      const catalog = await Catalog.open(join(place.data, 'catalog.sqlite'), () => new Date());
      const kinds = (await catalog.audit(0, 100)).map(({ event }) => JSON.parse(event).kind);
      await catalog.close();
      // A machine that needs ten seconds for it starts a mirror whose list has expired already.
      if (first === 200) assert.deepEqual(kinds.slice(0, 3), ['list-accepted', 'admitted', 'list-ended']);
      else assert.equal(first, 403);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
