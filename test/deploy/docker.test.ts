import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import { validate } from 'dockerfile-utils';
import { flipBit } from '../fixtures/damage.ts';
import { writeBlob } from '../fixtures/sample-store.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { singleExecutable } from '../fixtures/single-executable.ts';
import { readSource, top } from '../house/sources.ts';
import { Container, imageOf, noContainers, toolImage } from './container.ts';
import { filledIn, placeholder } from './filled-in.ts';
import { RecipeSite, recipeSettings } from './recipe-site.ts';

const recipe = (name: string): string => readSource(`manifests/deploy/docker/${name}`);
const models = recipe('Dockerfile.models');
/** The words of an instruction in its JSON form. */
const wordsOf = (instruction: string): string[] =>
  JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(models)?.[1] ?? 'null') as string[];

/** What `ENV` of a stage sets, with the arguments that have a value there. */
function variablesOf(stage: string): Record<string, string> {
  const joined = stage.replaceAll('\\\n', ' ');
  const values = new Map([...joined.matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]));
  const pairs = [...joined.matchAll(/^ENV (.*)$/gm)].flatMap(([, text = '']) => text.trim().split(/\s+/));
  const valued = pairs.map((pair) => pair.replace(/\$(\w+)/g, (all, name) => values.get(name) ?? all));
  return Object.fromEntries(valued.map((pair) => pair.split('=')));
}

suite('the recipes for Docker', () => {
  for (const name of ['Dockerfile', 'Dockerfile.models']) {
    test(`${name}: a linter has nothing to say`, () => {
      const said = validate(recipe(name)).map(({ message }) => message);
      assert.deepEqual(said, []);
      assert.notDeepEqual(validate(`${recipe(name)}\nUSRE root\n`), []);
    });
  }

  test('Dockerfile: every directory that it copies is there, and nothing needs root', () => {
    const copied = [...recipe('Dockerfile').matchAll(/^COPY ([^-].*) \S+$/gm)].flatMap(([, words = '']) =>
      words.split(' '),
    );
    const here = readdirSync(top);
    assert.ok(copied.length >= 8);
    for (const name of copied) assert.ok(here.includes(name), name);
    assert.match(recipe('Dockerfile'), /^USER 65532:65532$/m);
    assert.match(models, /^USER 65531:65531$/m);
  });

  test('Dockerfile.models: of the store only what was checked comes into the image', () => {
    const taken = [...models.matchAll(/^COPY --from=verified (?:--\S+ )?(\/models\S*) /gm)];
    assert.deepEqual(
      taken.map(([, path]) => path),
      ['/models/manifests', '/models/blobs/sha256-*'],
    );
  });

  suite('Dockerfile.models, its steps as commands', { skip: noContainers }, () => {
    const files = new ScratchFiles();
    let tool: string;
    let server: string;
    let site: RecipeSite;
    before(() => {
      const executable = singleExecutable();
      tool = toolImage(executable, join(files.folder, 'tool'));
      server = toolImage(executable, join(files.folder, 'server'));
      imageOf('/bin/echo', '/bin/ollama', server, executable);
    });
    after(() => files.remove());
    beforeEach(async () => {
      site = await RecipeSite.make();
      // The settings of the image are in its variables.
      writeFileSync(join(site.volumes.source('approvals'), 'config.yaml'), '');
    });
    afterEach(() => site.remove());

    const [verified = '', final = ''] = models.split(/^FROM ollama.*$/m);
    const mounts = () => [
      { path: '/models', source: site.store, readOnly: true },
      { path: '/etc/verify-models', source: site.volumes.source('approvals'), readOnly: true },
      { path: '/tmp', source: undefined, readOnly: false },
    ];
    const check = (stage = filledIn(verified, site.signed)) =>
      new Container({
        ...{ root: tool, words: wordsOf('RUN'), environment: variablesOf(stage) },
        ...{ user: 65532, group: 65532 },
        ...{ groups: [], network: true, readOnlyRoot: false },
        mounts: [...mounts(), { path: '/var/lib/verify-models', source: undefined, readOnly: false }],
      });
    const start = () =>
      new Container({
        ...{ root: server, words: [...wordsOf('ENTRYPOINT'), ...wordsOf('CMD')] },
        ...{ environment: variablesOf(final), user: 65531, group: 65531 },
        ...{ groups: [], network: false, readOnlyRoot: true, mounts: mounts() },
      });

    test('the command line of the README is green on an approved store, and finds one flipped bit', async () => {
      const typed =
        /^docker run --rm --read-only --network none ([^`]*)/m.exec(recipe('README.md'))?.[1] ?? '';
      const line = typed.replaceAll('\\\n', ' ');
      const settings = join(site.volumes.source('approvals'), 'config.yaml');
      writeFileSync(settings, filledIn(recipeSettings(), site.signed));
      site.volumes.own('state', 65532);
      const sources: Record<string, string> = {
        '/models': site.store,
        '/etc/verify-models': site.volumes.source('approvals'),
        '/var/lib/verify-models': site.volumes.source('state'),
      };
      const run = () =>
        new Container({
          ...{ root: tool, environment: { HOME: '/tmp' }, user: 65532, group: 65532, groups: [] },
          ...{ network: false, readOnlyRoot: true },
          words: [
            '/usr/local/bin/verify-models',
            ...(line.split(/ verify-models:\S+ /)[1] ?? '').trim().split(/\s+/),
          ],
          mounts: [...line.matchAll(/-v "?[^\s:]+:([^\s:"]+)(:ro)?/g)].map(([, path = '', mode]) => ({
            path,
            source: sources[path],
            readOnly: mode !== undefined,
          })),
        });
      const green = run();
      assert.deepEqual([await green.ended, green.stderr], [0, '']);
      assert.doesNotMatch(green.stdout, /state-not-kept/);
      flipBit(site.model.blob('system'), 0, 0);
      assert.equal(await run().ended, 1);
    });

    test('the build goes on with an approved store, and the image starts', async () => {
      const build = check();
      assert.equal(await build.ended, 0, build.stdout + build.stderr);
      const main = start();
      assert.deepEqual([await main.ended, main.stdout], [0, 'serve\n'], main.stderr);
    });

    test('the build fails until somebody says which version the list has', async () => {
      const build = check(verified);
      assert.equal(await build.ended, 64);
      assert.ok(build.stderr.includes(`VERIFY_MODELS_MIN_VERSION ${placeholder} is not a version of a list`));
    });

    test('the build fails on a blob that no model names', async () => {
      const digest = writeBlob(site.store, Buffer.from('stray'));
      const build = check();
      assert.equal(await build.ended, 1);
      assert.match(build.stdout, new RegExp(`blob-orphan: .*${digest.slice(7, 19)}`));
    });

    test('the build fails after one flipped bit, and so does the start', async () => {
      flipBit(site.model.blob('system'), 0, 0);
      assert.equal(await check().ended, 1);
      const main = start();
      assert.deepEqual([await main.ended, main.stdout], [1, '']);
      assert.match(main.stderr, /blob-altered: .*not started: the check failed\n$/s);
    });
  });
});
