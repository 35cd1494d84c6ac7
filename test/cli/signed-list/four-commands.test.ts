import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type MainRun, newIo, runMainWith } from '../../fixtures/run-main.ts';
import { ScratchStore } from '../../fixtures/scratch-store.ts';

let scratch: ScratchStore;
const home = process.cwd();

before(() => {
  scratch = new ScratchStore();
  scratch.addModel();
  // What is typed names files of the working directory.
  process.chdir(scratch.folder);
});

after(() => {
  process.chdir(home);
  scratch.remove();
});

/** The words that a POSIX shell makes of a line without variables. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/(?:'[^']*'|\\'|[^\s'])+/g)].map(([word]) =>
    word.replace(/'([^']*)'/g, '$1').replaceAll("\\'", "'"),
  );

const environment = () => ({
  OLLAMA_MODELS: scratch.path,
  VERIFY_MODELS_STATE: scratch.beside('state'),
  VERIFY_MODELS_PASSPHRASE: 'a good one',
});

const type = (line: string): Promise<MainRun> =>
  runMainWith(newIo({ environment: environment() }), wordsOf(line.replace(/^verify-models ?/, '')));

/** What the last line says to type next, without the remark after it. */
function nextOf({ stdout }: MainRun): string {
  const next = /\nnext: (verify-models.*)\n$/.exec(stdout)?.[1];
  assert.ok(next !== undefined, stdout);
  return next.replace(/ {3}\(.*$/, '');
}

describe('from nothing to a signed list and a green check', () => {
  test('takes four commands, each of which prints the next one as it is typed', async () => {
    const typed = ['verify-models keygen'];
    const runs: MainRun[] = [];
    while (typed.length <= 4) {
      const run = await type(typed.at(-1) ?? '');
      assert.deepEqual([run.status, run.stderr], [0, ''], typed.at(-1));
      runs.push(run);
      typed.push(nextOf(run));
    }
    assert.deepEqual(typed, [
      'verify-models keygen',
      'verify-models allow --all --allow-list allow-list.json',
      'verify-models sign allow-list.json --key verify-models.key',
      'verify-models check --allow-list allow-list.json --key verify-models.pub',
      'verify-models --report sarif=verify-models.sarif',
    ]);
    const check = runs.at(-1)?.stdout ?? '';
    assert.match(check, /^sample:latest {2}ok {9}18\.2 kB\n/);
    assert.match(
      check,
      /\ntrust: allow-list models version 1, approved by verify-models\.pub, until 2026-11-30\nexit status 0 = all is well\n/,
    );
    assert.deepEqual(
      readdirSync('.')
        .filter((name) => name !== 'models' && name !== 'state')
        .sort(),
      [
        ...['allow-list.json', 'allow-list.json.sigstore.jsonl', 'manifests'],
        ...['verify-models.key', 'verify-models.pub'],
      ],
    );
  });

  test('and the same again with a store and names that must be typed, and quoted', async () => {
    const lines = [
      `allow sample --store '${scratch.path}' --allow-list 'our list.json' --list-id ours`,
      (next: string) => next.replace('verify-models.key', './verify-models.key'),
      (next: string) => next,
    ];
    let run: MainRun | undefined;
    const seen: string[] = [];
    for (const line of lines) {
      const typed = typeof line === 'string' ? line : line(nextOf(run ?? assert.fail()));
      seen.push(typed);
      run = await type(typed);
      assert.deepEqual([run.status, run.stderr], [0, ''], typed);
    }
    assert.deepEqual(seen.slice(1), [
      `verify-models sign 'our list.json' --key ./verify-models.key --store ${scratch.path}`,
      `verify-models check --allow-list 'our list.json' --key ./verify-models.pub --store ${scratch.path}`,
    ]);
    assert.match(
      run?.stdout ?? '',
      /\ntrust: allow-list ours version 1, approved by \.\/verify-models\.pub,/,
    );
  });

  test('a key of another name stands as KEY in the command, for the person to fill in', async () => {
    process.chdir(scratch.path);
    try {
      const list = scratch.beside('third.json');
      const run = await type(`verify-models allow sample --allow-list ${list}`);
      assert.equal(nextOf(run), `verify-models sign ${list} --key KEY`);
    } finally {
      process.chdir(scratch.folder);
    }
  });
});
