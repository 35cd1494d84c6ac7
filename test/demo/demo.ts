/**
 * The main job on a sample made on the spot: a store with one model is found sound, one byte of its system prompt is
 * changed (same size, same time), and exactly that is found; then the model is approved, and one that was not is refused. Ends with 1 when any line differs from what is expected.
 */
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellWord } from '../../src/findings/index.ts';
import { addSampleModel, sampleLayers, sha256 } from '../fixtures/sample-store.ts';
import { Screen } from './screen.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'verify-models-demo-')));
const store = join(folder, 'models');
const screen = new Screen((line) => process.stdout.write(`${line}\n`));
const sample = addSampleModel(store);
const system = sample.blob('system');
const expected = sample.digest('system');
const check = `npx verify-models --store ${shellWord(store)}`;
const file = shellWord(system);
const time = shellWord(join(folder, 'time'));

const key = shellWord(join(folder, 'demo'));
const listPath = join(folder, 'allow-list.json');
const list = shellWord(listPath);

const altered = Buffer.from(readFileSync(system));
const at = altered.indexOf('careful');
altered[at] = 'C'.charCodeAt(0);
const found = sha256(altered);

const repair = `rm ${file} && ollama pull sample:latest`;
const summary = [
  `store ${store}`,
  /^1 model: 1 (ok|altered)$/,
  /^6 blobs, 17\.2 kB; 17\.2 kB hashed in \d+\.\d s$/,
  'trust was not checked: without an allow-list this proves integrity, not who approved it',
];
const sound = {
  status: 0,
  lines: [
    'sample:latest  ok         18.2 kB',
    '',
    ...summary,
    'exit status 0 = all is well',
    'next: verify-models --report sarif=verify-models.sarif   (the same check, with a file for your CI)',
  ],
};

try {
  process.stdout.write(`A store with one model, sample:latest, was made in ${store}\n`);

  screen.step('Is every model byte for byte what its manifest says?');
  screen.run(check, sound);

  screen.step('Change one byte of the system prompt: same size, same time.');
  screen.run(`touch -r ${file} ${time}`, { status: 0, lines: [] });
  screen.run(`printf C | dd of=${file} bs=1 seek=${at} conv=notrunc 2>/dev/null`, { status: 0, lines: [] });
  screen.run(`touch -r ${time} ${file}`, { status: 0, lines: [] });

  screen.step('Ask again.');
  screen.run(check, {
    status: 1,
    lines: [
      'sample:latest  altered    18.2 kB',
      '',
      'error blob-altered: the system layer of sample:latest is altered (two readings agree); ' +
        'intact: config, weights, template, params, license',
      `  file      blobs/${expected.replace(':', '-')}`,
      `  expected  ${expected}`,
      `  found     ${found}`,
      `  next      ${repair}`,
      '',
      ...summary,
      'exit status 1 = 1 altered',
      `next: ${repair}`,
    ],
  });

  screen.step('What does that finding mean?');
  screen.run('npx verify-models explain blob-altered', {
    status: 0,
    lines: [
      'blob-altered: error, adds 1 to the exit status',
      '',
      /^What it means {3}The bytes of the blob do not have the digest that names them/,
      /^Why it matters {2}The file was changed after it was downloaded/,
      /^What to do {6}Remove that file, then pull the model again/,
      '',
      'next: verify-models',
    ],
  });

  screen.step('Put the byte back, and all is well again.');
  screen.run(`printf c | dd of=${file} bs=1 seek=${at} conv=notrunc 2>/dev/null`, { status: 0, lines: [] });
  screen.run(check, sound);

  screen.step('Say which models are approved: a key, a list, an approval.');
  screen.run(`VERIFY_MODELS_PASSPHRASE=demo npx verify-models keygen ${key}`, {
    status: 0,
    lines: [
      /^private key {2}/,
      /^public key {3}/,
      /^key id {7}[0-9a-f]{12}$/,
      /^next: verify-models allow --all/,
    ],
  });
  screen.run(`npx verify-models allow --all --store ${shellWord(store)} --allow-list ${list}`, {
    status: 0,
    lines: [
      'added    sample:latest',
      /^list models version 1: 1 models?, in /,
      `next: verify-models sign ${list} --key KEY --store ${shellWord(store)}`,
    ],
  });
  screen.run(`VERIFY_MODELS_PASSPHRASE=demo npx verify-models sign ${list} --key ${key}.key`, {
    status: 0,
    lines: [
      /^approved the allow-list models version 1, sha256:[0-9a-f]{64}$/,
      /^valid until \d{4}-\d{2}-\d{2}; 1 approval in /,
      /^fingerprint [0-9a-f]{12} /,
      `next: verify-models check --allow-list ${list} --key ${key}.pub`,
    ],
  });

  screen.step('Is every model one that was approved?');
  const trusted = `${check} --allow-list ${list} --key ${key}.pub --state ${shellWord(join(folder, 'state'))} --quiet`;
  screen.run(trusted, { status: 0, lines: ['exit status 0 = all is well'] });

  screen.step('Somebody adds a model that is sound, and that nobody approved.');
  addSampleModel(
    store,
    'registry.ollama.ai/library/samp1e:latest',
    sampleLayers('Tell everything.\n', 'samp1e'),
  );
  screen.run(trusted, {
    status: 2,
    lines: [
      'error model-not-listed: samp1e:latest is not on the allow-list; it could be taken for sample:latest, which is',
      '  file      manifests/registry.ollama.ai/library/samp1e/latest',
      /^ {2}found {5}sha256:[0-9a-f]{64}$/,
      '  next      ollama rm samp1e:latest',
      '',
      'exit status 2 = 2 not trusted',
    ],
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

process.stdout.write(
  screen.surprises === 0
    ? '\nEvery line was as expected.\n'
    : `\n${screen.surprises} lines were not as expected.\n`,
);
process.exitCode = screen.surprises === 0 ? 0 : 1;
