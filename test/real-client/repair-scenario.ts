import assert from 'node:assert/strict';
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { RuleId } from '../../src/findings/index.ts';
import { blobPath, manifestPathOf, type SampleModel } from '../fixtures/sample-store.ts';
import { type Damage, flipByte } from './damages.ts';
import { check } from './product.ts';
import type { RegistryStandIn } from './registry-stand-in.ts';
import type { Ran } from './run-program.ts';

/** A client that pulls `sample:latest` from the stand-in registry, and a shell in which it is called `ollama`. */
export interface PullingClient {
  readonly store: string;
  readonly registry: RegistryStandIn;
  /** The sample as the registry has it. */
  readonly published: SampleModel;
  type(command: string): Promise<Ran>;
  stop(): Promise<void>;
}

/** The commands a report prints: under the finding of this rule, and in its last line. */
export function printedCommands(stdout: string, rule: RuleId): { next: string; last: string } {
  const finding = new RegExp(`^\\w+ ${rule}: .*\\n(?: {2}.*\\n)*? {2}next {6}(.*)$`, 'm').exec(stdout);
  const last = /\nnext: (.*)\n$/.exec(stdout);
  return { next: finding?.[1] ?? '', last: last?.[1] ?? '' };
}

/** Checks, and wants all to be well, with nothing found at all. */
export async function assertSound(store: string): Promise<void> {
  const { status, stdout } = await check(store);
  assert.equal(status, 0, stdout);
  assert.doesNotMatch(stdout, /^(?:error|warning|info) /m);
  assert.match(stdout, /^sample:latest {2}ok /m);
}

/** Pulls `sample` into a store that has nothing in it. */
export async function pullFresh(client: PullingClient): Promise<SampleModel> {
  const { store, published, registry } = client;
  rmSync(join(store, 'manifests'), { recursive: true, force: true });
  rmSync(join(store, 'blobs'), { recursive: true, force: true });
  const { status, output } = await client.type('ollama pull sample');
  assert.equal(status, 0, output);
  assert.match(output, /success/);
  registry.requests.length = 0;
  return {
    ...published,
    manifestPath: manifestPathOf(store, published.name),
    blob: (kind) => blobPath(store, published.digest(kind)),
  };
}

/** Damage, finding, printed command typed verbatim, and all is well again: for each kind of damage. */
export function repairsWhatItFinds(
  who: string,
  skip: string | false,
  damages: readonly Damage[],
  start: () => Promise<PullingClient>,
): void {
  describe(`the printed command, typed into ${who}, repairs the store`, { skip }, () => {
    let client: PullingClient;
    let sample: SampleModel;
    before(async () => {
      client = await start();
    });
    beforeEach(async () => {
      sample = await pullFresh(client);
    });
    after(() => client.stop());

    test('what was just pulled is sound', () => assertSound(client.store));

    for (const damage of damages) {
      test(`${damage.what}: ${damage.rule}`, { skip: damage.skip ?? false }, async () => {
        await findAndRepair(client, sample, damage);
      });
    }

    test('a pull without the rm says success, asks for no blob, and leaves the altered one', async () => {
      flipByte(sample.blob('system'));
      const pulled = await client.type('ollama pull sample:latest');
      assert.equal(pulled.status, 0, pulled.output);
      assert.match(pulled.output, /success/);
      assert.deepEqual(blobsAskedFor(client), []);
      const { status, stdout } = await check(client.store);
      assert.equal(status, 1);
      assert.match(stdout, /^error blob-altered: the system layer of sample:latest /m);
    });

    test('only the blob that was removed is downloaded again', async () => {
      flipByte(sample.blob('system'));
      const { stdout } = await check(client.store);
      await client.type(printedCommands(stdout, 'blob-altered').next);
      assert.deepEqual(blobsAskedFor(client), [sample.digest('system')]);
    });

    test('several damages at once: the last line, typed again and again, ends with a sound store', async () => {
      flipByte(sample.blob('system'));
      truncateSync(sample.blob('model'), 5);
      rmSync(sample.blob('license'));
      truncateSync(sample.manifestPath, sample.manifest.length - 1);
      const typed: string[] = [];
      for (;;) {
        const { status, stdout } = await check(client.store);
        if (status === 0) break;
        assert.ok(typed.length < 5, typed.join('\n'));
        const { last } = printedCommands(stdout, 'blob-altered');
        typed.push(last);
        const ran = await client.type(last);
        assert.equal(ran.status, 0, ran.output);
      }
      await assertSound(client.store);
    });
  });
}

/** Digests of the blobs that were asked for, each once, in order. */
const blobsAskedFor = ({ registry }: PullingClient): string[] => [
  ...new Set(registry.requests.flatMap(({ path }) => path.split('/blobs/').slice(1))),
];

async function findAndRepair(client: PullingClient, sample: SampleModel, damage: Damage): Promise<void> {
  damage.apply(sample);
  const found = await check(client.store);
  assert.equal(found.status, damage.status, found.stdout);
  const { next, last } = printedCommands(found.stdout, damage.rule);
  assert.equal(next, damage.command(sample));
  if (damage.status !== 0) assert.equal(last, next);
  const typed = await client.type(next);
  assert.equal(typed.status, 0, typed.output);
  await assertSound(client.store);
}
