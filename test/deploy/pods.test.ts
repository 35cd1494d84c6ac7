import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { flipBit } from '../fixtures/damage.ts';
import { sampleLayers } from '../fixtures/sample-store.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { singleExecutable } from '../fixtures/single-executable.ts';
import { until } from '../fixtures/until.ts';
import { readSource, top } from '../house/sources.ts';
import { findOllama } from '../real-client/find-ollama.ts';
import { type Container, imageOf, noContainers, toolImage } from './container.ts';
import { placeholder } from './filled-in.ts';
import { lint, without } from './linters.ts';
import { type Image, modelsGroup, Pod, type PodSpec } from './pod.ts';
import { RecipeMirror } from './recipe-mirror.ts';
import { RecipeSite, recipeSettings } from './recipe-site.ts';

const recipes = 'manifests/deploy/kubernetes';
const ollama = findOllama('that the real server starts in the pods of the recipes, on a read-only store');

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Job | { readonly jobTemplate: { readonly spec: Job } };
}

interface Job {
  readonly template: { readonly spec: PodSpec };
}

/** The pod of the Deployment, or of the CronJob, in a text of objects. */
function podOf(text: string, wanted = 'Deployment'): PodSpec {
  const objects = parseAllDocuments(text, { merge: true }).map((document) => document.toJS() as Workload);
  const found = objects.find(({ kind }) => kind === wanted);
  if (found === undefined) throw new Error(`no ${wanted}`);
  const { spec } = found;
  return ('jobTemplate' in spec ? spec.jobTemplate.spec : spec).template.spec;
}

suite('a pod of the recipes', { skip: noContainers }, () => {
  const files = new ScratchFiles();
  let images: Record<string, Image>;
  let site: RecipeSite;
  let pod: Pod;
  before(() => {
    const root = (name: string) => join(files.folder, name);
    const executable = singleExecutable();
    const tool = toolImage(executable, root('tool'));
    // Where there is no Ollama, what takes its place says its argument and ends.
    const server = imageOf(ollama.program ?? '/bin/echo', '/bin/ollama', root('ollama'), executable);
    images = {
      'verify-models': { root: tool, entrypoint: ['/usr/local/bin/verify-models'] },
      'ollama/ollama': { root: server, entrypoint: ['/bin/ollama'] },
    };
  });
  after(() => files.remove());
  beforeEach(async () => {
    site = await RecipeSite.make();
  });
  afterEach(async () => {
    await pod.stop();
    site.remove();
  });

  const start = (spec: PodSpec) => {
    pod = new Pod(spec, images, site.volumes, site);
    return pod.start();
  };
  const base = () => podOf(readSource(join(recipes, 'base', 'ollama.yaml')));

  /** The real server lists the model; what takes its place says that it was started. */
  async function assertServes(main: Container | undefined): Promise<void> {
    assert.ok(main !== undefined, pod.started.map(({ stdout, stderr }) => stdout + stderr).join('\n'));
    if (ollama.program === undefined) {
      await main.ended;
      assert.equal(main.stdout, 'serve\n', main.stderr);
      return;
    }
    await until(() => /Listening on /.test(main.stderr) || main.child.exitCode !== null);
    const host = /Listening on (127\.0\.0\.1:\d+)/.exec(main.stderr)?.[1];
    assert.ok(host !== undefined, main.stderr);
    const tags = (await (await fetch(`http://${host}/api/tags`)).json()) as { models: { name: string }[] };
    assert.deepEqual(
      tags.models.map(({ name }) => name),
      ['sample:latest'],
    );
  }

  test('base: check, then watch, then Ollama, each with its mounts and its user', async () => {
    await assertServes(await start(base()));
    const [check, watch] = pod.started;
    assert.match(check?.stdout ?? '', /^sample:latest {2}ok/);
    assert.match(check?.stdout ?? '', /volume-group-writable: every member of group 65530/);
    assert.doesNotMatch(check?.stdout ?? '', /state-forgeable/);
    assert.match(watch?.stderr ?? '', /metrics and health on http:/);
    assert.equal(pod.terminationMessage, '');
  });

  test('base: what was proven is kept on the volume of the state', async () => {
    // A file that changed less than two seconds ago is not sealed.
    const { ctimeMs } = statSync(site.model.blob('system'));
    await until(() => Date.now() - ctimeMs > 2000);
    await start(base());
    await pod.stop();
    await start(base());
    assert.match(pod.started[0]?.stdout ?? '', /6 of 6 blobs .* were taken from the seal/);
  });

  test('base: nothing after the check is started when one bit is flipped, and the pod says why', async () => {
    flipBit(site.model.blob('system'), 0, 0);
    assert.equal(await start(base()), undefined);
    assert.equal(pod.started.length, 1);
    assert.match(
      pod.terminationMessage,
      /^verify-models: exit status 1 = 1 altered: blob-altered: the system layer of sample:latest.*\n$/,
    );
  });

  test('base: nor while nobody has said which version the list has, and the pod says that', async () => {
    writeFileSync(join(site.volumes.source('approvals'), 'config.yaml'), recipeSettings());
    assert.equal(await start(base()), undefined);
    assert.equal(pod.started.length, 1);
    assert.ok(pod.terminationMessage.includes(`min-version ${placeholder} is not a version of a list`));
  });

  test('base: nor when the list names another store', async () => {
    site.scratch.addModel('registry.ollama.ai/library/new:1b', sampleLayers('Be brief.'));
    assert.equal(await start(base()), undefined);
    assert.match(pod.terminationMessage, /exit status 2 = 2 not trusted: model-not-listed/);
  });

  const job = (name: string) => podOf(readSource(join(recipes, 'base', `${name}.yaml`)), 'CronJob');

  test('fetch-models: an empty volume is filled from the mirror, and what is altered is fetched again', async () => {
    await using mirror = await RecipeMirror.of(site);
    const spec = job('fetch-models');
    const containers = spec.containers.map((each) => ({ ...each, args: mirror.words(each.args ?? []) }));
    site.volumes.empty(modelsGroup);
    const first = await start({ ...spec, containers });
    assert.equal(await first?.ended, 0, `${first?.stdout}${first?.stderr}`);
    await assertServes(await start(base()));
    await pod.stop();
    flipBit(site.model.blob('system'), 0, 0);
    const again = await start({ ...spec, containers });
    assert.equal(await again?.ended, 0, again?.stderr);
    assert.match(again?.stdout ?? '', /^repaired {2}sample:latest {3}system was altered: 45 B fetched/);
    assert.ok((await start(base())) !== undefined);
  });

  test('verify-full: hashes everything, whatever the seal says', async () => {
    for (const expected of [0, 0, 1]) {
      if (expected === 1) flipBit(site.model.blob('system'), 0, 0);
      const main = await start(job('verify-full'));
      assert.equal(await main?.ended, expected, main?.stderr);
      if (expected === 0) assert.match(main?.stdout ?? '', /; 17\.2 kB hashed/);
      else assert.match(pod.terminationMessage, /blob-altered: the system layer/);
    }
  });

  test('exec: the stock image starts through the program that was put beside it, and not after one flipped bit', {
    skip: without('kubectl', ['version', '--client']),
  }, async () => {
    const spec = podOf(lint('kubectl', ['kustomize', join(top, recipes, 'exec')]).stdout);
    await assertServes(await start(spec));
    await pod.stop();
    assert.match(
      pod.started.at(-1)?.stderr ?? '',
      /\/models is in order: 1 model, .*; starting \/bin\/ollama serve/,
    );
    flipBit(site.model.blob('system'), 0, 0);
    const main = await start(spec);
    assert.equal(await main?.ended, 1);
    assert.match(main?.stderr ?? '', /blob-altered: .*not started: the check failed\n$/s);
    assert.match(pod.terminationMessage, /blob-altered/);
  });
});
