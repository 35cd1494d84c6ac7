import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { liveMemory } from '../../fixtures/live-memory.ts';
import { patternedBytes } from '../../fixtures/patterned-bytes.ts';
import { agents, ask } from '../../fixtures/raw-http.ts';
import { RegistrySite } from '../../fixtures/registry-site.ts';
import { until } from '../../fixtures/until.ts';

/** Answers as fast as it is read, for as long as somebody reads. */
function answerWithoutEnd(response: ServerResponse): void {
  response.writeHead(200);
  const more = () => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
  };
  response.on('drain', more);
  more();
}

test('an upstream that sends without end, a hundred times: nothing of it is kept', async () => {
  await using site = await RegistrySite.start((mirror) => {
    mirror.publish('library/tiny', 'latest', { model: Buffer.from(patternedBytes(100_000)) });
  });
  site.site.library.mischief = ({ url }, response) => {
    if (!url.endsWith('/tiny/manifests/latest')) return false;
    answerWithoutEnd(response);
    return true;
  };
  const manifest = async () => {
    site.site.data.ms += 31_000;
    const answer = await ask(site.port, '/v2/library/tiny/manifests/latest', agents.ranges);
    assert.equal(answer.status, 503);
  };
  await manifest();
  const before = liveMemory();
  for (let round = 0; round < 100; round += 1) await manifest();
  // Each of them was cut at 4 MiB: kept, they would be 400 MiB. What the last sockets hold is freed as they close.
  await until(() => liveMemory() - before < 40);
  assert.deepEqual(site.errors, []);
});
