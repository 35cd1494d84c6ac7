import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../fixtures/blob-directory.ts';
import { listed } from '../fixtures/listed-model.ts';
import { listOf } from '../fixtures/listed-models.ts';
import { ask, blobOf, copier, MirrorSite, ollama } from '../fixtures/mirror-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { openFilesBelow } from '../fixtures/process-counts.ts';
import { until } from '../fixtures/until.ts';

const blobs = [1000, 2000, 3000].map((length) => Buffer.from(patternedBytes(length)));
const config = Buffer.from('{"model_format":"gguf"}');

/** A stranger's model: which blobs it names, with which sizes, and what its source sends for them. */
const stranger = fc.record({
  layers: fc.array(fc.record({ blob: fc.nat(2), size: fc.constantFrom(0, 0, 7, -1) }), {
    minLength: 1,
    maxLength: 3,
  }),
  source: fc.constantFrom('right', 'other bytes', 'nothing', 'cut', 'refusal'),
  waits: fc.boolean(),
});

type Stranger = typeof stranger extends fc.Arbitrary<infer T> ? T : never;

function publish(site: MirrorSite, name: string, { layers }: Pick<Stranger, 'layers'>): void {
  const entry = (kind: string, bytes: Buffer, more: number) => ({
    mediaType: kind,
    digest: digestOf(bytes),
    size: bytes.length + more,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: entry('application/vnd.docker.container.image.v1+json', config, 0),
    layers: layers.map(({ blob, size }) =>
      entry('application/vnd.ollama.image.system', blobs[blob] ?? config, size),
    ),
  };
  site.library.publish(`library/${name}`, 'latest', Buffer.from(JSON.stringify(manifest)), [
    ...blobs,
    config,
  ]);
}

/** Each stranger's source misbehaves as it was told. */
function misbehave(site: MirrorSite, strangers: readonly Stranger[]): void {
  site.library.mischief = ({ at, url, headers }, response) => {
    const source = strangers[Number(/\/evil(\d+)\/blobs\//.exec(url)?.[1] ?? -1)]?.source ?? 'right';
    if (at !== 'library' || source === 'right') return false;
    const [, first = '0', last = '0'] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    const length = Number(last) + 1 - Number(first);
    const range = { 'content-range': `bytes ${first}-${last}/${Number(last) + 1}`, 'content-length': length };
    if (source === 'other bytes') response.writeHead(206, range).end(Buffer.alloc(length, 7));
    else if (source === 'cut')
      response.writeHead(206, range).write(Buffer.alloc(1), () => response.destroy());
    else response.writeHead(source === 'nothing' ? 404 : 403).end();
    return true;
  };
}

test('whatever strangers publish, and in whatever order they come, a listed model comes whole and nothing hangs on', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stranger, { maxLength: 5 }),
      fc.nat(5),
      fc.boolean(),
      async (strangers, turn, isListed) => {
        await using site = await MirrorSite.start();
        const good = site.publish('library/good', 'latest', {
          model: blobs[0] ?? config,
          system: blobs[1] ?? config,
        });
        for (const [at, one] of strangers.entries()) publish(site, `evil${at}`, one);
        misbehave(site, strangers);
        if (isListed) site.approve(listOf({ 'registry.ollama.ai/library/good:latest': listed(good) }));
        const admission = site.admission({
          policy: 'observe',
          queue: { running: 2, waiting: 50, waitingEach: 50 },
        });
        const asked = strangers.map(
          ({ waits }, at) =>
            () =>
              ask(admission, `library/evil${at}:latest`, waits ? copier : ollama),
        );
        asked.splice(turn, 0, () => ask(admission, 'library/good:latest', ollama));
        await Promise.all(asked.map((one) => one()));
        // An unlisted one may have to wait for the end of a lie; a listed one never fails.
        if (isListed) assert.equal((await ask(admission, 'library/good:latest', copier)).kind, 'manifest');
        await until(async () => {
          site.data.ms += 31_000;
          return (await ask(admission, 'library/good:latest', copier)).kind === 'manifest';
        });
        for (const blob of good.blobs) assert.ok((await blobOf(admission, blob))?.equals(blob));
        assert.equal(admission.held, 0);
        await until(() =>
          readdirSync(join(site.data.path, 'partial')).every((name) => !name.endsWith('.lock')),
        );
        assert.equal(openFilesBelow(join(site.data.path, 'blobs')) ?? 0, 0);
      },
    ),
    { numRuns: 12 },
  );
});
