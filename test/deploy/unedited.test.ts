import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { runMain } from '../fixtures/run-main.ts';
import { SignedSite } from '../fixtures/signed-site.ts';
import { readSource } from '../house/sources.ts';
import { approveTwice, filledIn, placeholder } from './filled-in.ts';

const read = (name: string): string => readSource(`manifests/deploy/${name}`);

/** Every list of words in a value that is called by one of these keys. */
function wordLists(value: unknown, keys: readonly string[]): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    keys.includes(key) && Array.isArray(inner) ? [inner.map(String)] : wordLists(inner, keys),
  );
}

/** The words of the tool in a command line of a recipe, without the program itself. */
const ownWords = (words: readonly string[]): readonly string[] =>
  words[0]?.endsWith('/verify-models') === true ? words.slice(1) : words;

const documents = (name: string): unknown[] =>
  parseAllDocuments(read(name), { merge: true }).map((document) => document.toJS() as unknown);
const unitLines = (name: string): string[][] =>
  [...read(name).matchAll(/^ExecStart(?:Pre)?=\+?\/usr\/local\/bin\/verify-models (.*)$/gm)].map(
    ([, words = '']) => words.split(' '),
  );

const commands = ['check', 'watch', 'repair', 'exec'];
/** Every command line of the tool in the recipes, and the settings under which it runs. */
const commandLines = (
  [
    ['kubernetes/base/ollama.yaml', wordLists(documents('kubernetes/base/ollama.yaml'), ['args'])],
    ['kubernetes/base/verify-full.yaml', wordLists(documents('kubernetes/base/verify-full.yaml'), ['args'])],
    [
      'kubernetes/base/fetch-models.yaml',
      wordLists(documents('kubernetes/base/fetch-models.yaml'), ['args']),
    ],
    ['kubernetes/exec/ollama.yaml', wordLists(documents('kubernetes/exec/ollama.yaml'), ['command'])],
    ['helm/values.yaml', wordLists(documents('helm/values.yaml'), ['args'])],
    ['compose/compose.yaml', wordLists(documents('compose/compose.yaml'), ['command', 'entrypoint'])],
    ['systemd/verify-models.service', unitLines('systemd/verify-models.service')],
    ['systemd/ollama.service.d/verify-models.conf', unitLines('systemd/ollama.service.d/verify-models.conf')],
  ] as const
).flatMap(([name, all]) =>
  all
    .map(ownWords)
    .filter(([command = '']) => commands.includes(command))
    .map((words) => [name, words] as const),
);

suite('a recipe that nobody edited', () => {
  let site: SignedSite;
  let signed: string;
  before(async () => {
    site = new SignedSite();
    site.scratch.addModel();
    signed = await approveTwice(site);
  });
  after(() => site.remove());

  /** The settings of a recipe, with the places of this machine. */
  function settings(name: string, edit: (text: string) => string): string {
    const places = { store: site.store, 'allow-list': site.list, key: site.key('alice').pub };
    const path = site.beside('config.yaml');
    const said = parse(edit(read(name))) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...said, ...places, state: site.beside('new-state') }));
    return path;
  }
  const settingsOf = (name: string) =>
    name.startsWith('systemd/') ? 'systemd/config.yaml' : 'kubernetes/base/config.yaml';

  test('is every one of those that are shipped', () => {
    assert.deepEqual(
      commandLines.map(([name, [command]]) => `${name} ${command}`),
      [
        'kubernetes/base/ollama.yaml check',
        'kubernetes/base/ollama.yaml watch',
        'kubernetes/base/verify-full.yaml check',
        'kubernetes/base/fetch-models.yaml repair',
        'kubernetes/exec/ollama.yaml exec',
        'helm/values.yaml check',
        'helm/values.yaml watch',
        'compose/compose.yaml check',
        'compose/compose.yaml watch',
        'compose/compose.yaml repair',
        'systemd/verify-models.service check',
        'systemd/ollama.service.d/verify-models.conf check',
      ],
    );
  });

  for (const [name, words] of commandLines)
    test(`starts nothing, and says where the version stands: ${name}, ${words[0]}`, async () => {
      const config = settings(settingsOf(name), (text) => text);
      const run = await runMain(words, { environment: { VERIFY_MODELS_CONFIG: config } });
      assert.deepEqual([run.status, run.stdout], [64, '']);
      assert.equal(
        run.stderr.split('\n')[0],
        `verify-models: ${config}: min-version ${placeholder} is not a version of a list, which verify-models sign and verify-models diff print (CONFIG_INVALID)`,
      );
    });

  for (const name of ['systemd/config.yaml', 'kubernetes/base/config.yaml'])
    test(`is green once it is edited, and starts nothing with 1, which every list has: ${name}`, async () => {
      const check = async (edit: (text: string) => string) => {
        const environment = { VERIFY_MODELS_CONFIG: settings(name, edit) };
        return runMain(['check', '--require-allow-list', '--state', site.beside(`state-${name.length}`)], {
          environment,
        });
      };
      const one = await check((text) => text.replace(placeholder, '1'));
      assert.equal(one.status, 2);
      assert.match(one.stdout, /error first-contact: .*; --min-version 1 binds nothing: every list has it\n/);
      const edited = await check((text) => filledIn(text, signed));
      assert.equal(edited.status, 0, edited.stdout + edited.stderr);
    });

  test('Dockerfile.models has the same words in the place of the version', () => {
    assert.deepEqual(read('docker/Dockerfile.models').match(/REPLACE-WITH-\S+/g), [placeholder]);
    assert.match(read('docker/Dockerfile.models'), new RegExp(`^ARG MIN_VERSION=${placeholder}$`, 'm'));
  });
});
