import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { clients } from './clients.ts';
import { ConnectedSide } from './connected-side.ts';
import { GapSite } from './gap-site.ts';
import { noIsland } from './island.ts';

suite('models cross to where there is no network', { skip: noIsland }, () => {
  let connected: ConnectedSide;
  let archive: string;
  before(async () => {
    connected = await ConnectedSide.start();
    archive = await connected.export('models.tar');
  });
  after(() => connected[Symbol.asyncDispose]());

  for (const kind of clients) {
    suite(kind.title, { skip: kind.skip }, () => {
      test('export, import, serve, pull: approved there by those who approved it here', async () => {
        await using site = await GapSite.start(kind, connected);
        const { status, stdout, stderr } = await site.far.import([archive]);
        assert.equal(status, 0, stderr);
        assert.match(stdout, /^imported +sample:latest /m);
        assert.match(stdout, /^list +models version 1 taken, approved by alice, bob, until /m);
        const log = await site.far.verifyLog(/^record +(\S+)$/m.exec(stdout)?.[1] ?? '');
        assert.match(log.stdout, /^ {2}1\. exported .*\n {2}2\. imported .*; record \d+ of this log$/m);
        await site.client.pull(await site.far.serve());
        assert.deepEqual(await site.client.models(), ['sample:latest']);
        await site.assertGreen('sample:latest');
      });

      test('export, install, without a mirror: the store has them under their own names', async () => {
        await using site = await GapSite.start(kind, connected);
        const { status, stdout, stderr } = await site.far.install([archive], site.client.store);
        assert.equal(status, 0, stderr);
        assert.match(stdout, /^installed +sample:latest /m);
        assert.deepEqual(await site.client.models(), ['other:1b', 'sample:latest']);
        assert.equal((await site.client.template()).trim(), '{{ .System }}<|user|>{{ .Prompt }}');
        await site.assertGreen('other:1b', 'sample:latest');
      });
    });
  }
});
