/**
 * The main job on a sample made on the spot: a store with one model is found sound, one byte of its system prompt is
 * changed (same size, same time), and exactly that is found; then the model is approved, and one that was not is
 * refused; a mirror serves what is approved and nothing else, mends what was tampered with, and writes an archive for a
 * host without a network. Ends with 1 when any line differs from what is expected.
 */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellWord } from '../../src/findings/index.ts';
import { addSampleModel, sampleLayers, sha256 } from '../fixtures/sample-store.ts';
import { Background } from './background.ts';
import { Screen } from './screen.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'verify-models-demo-')));
const store = join(folder, 'models');
const screen = new Screen((line) => process.stdout.write(`${line}\n`));
const background = new Background();
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
      '1 model compared with the manifest that the list pins',
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

  screen.step(
    'A mirror pulls what is approved, once, and serves it (a stand-in for the official library is upstream).',
  );
  const names = ['sample', 'samp1e'].map((name) => `registry.ollama.ai/library/${name}:latest`);
  const library = await background.start(
    process.execPath,
    [join('test', 'demo', 'library.ts'), store, ...names],
    /\n/,
  );
  const words = [
    ...['serve', '--data', join(folder, 'mirror'), '--upstream', library.trim(), '--listen', '127.0.0.1:0'],
    ...['--allow-list', listPath, '--key', join(folder, 'demo.pub'), '--contact', 'models@corp.example'],
  ];
  const greeting = await background.start(
    process.execPath,
    [join('dist', 'model-mirror.cjs'), ...words],
    /ollama cp .*\n/,
  );
  screen.started(`npx model-mirror ${words.map(shellWord).join(' ')}`, greeting, [
    /^serving on http:\/\/127\.0\.0\.1:\d+$/,
    `data     ${join(folder, 'mirror')}`,
    'policy   enforce (allow-list models version 1)',
    'type on a client:',
    /^ {2}ollama pull --insecure 127\.0\.0\.1:\d+\/library\/llama3\.2$/,
    /^ {2}ollama cp 127\.0\.0\.1:\d+\/library\/llama3\.2 llama3\.2$/,
  ]);
  const mirror = /http:\/\/\S+/.exec(greeting)?.[0] ?? '';

  screen.step('Another machine pulls it from there (by a stand-in that speaks as ollama pull does).');
  const other = join(folder, 'other', 'models');
  const ollama = `OLLAMA_MODELS=${shellWord(other)} STAND_IN_REGISTRY=${mirror} node test/real-client/client-stand-in.ts`;
  screen.run(`${ollama} pull sample`, {
    status: 0,
    lines: ['pulling manifest', 'verifying sha256 digest', 'writing manifest', 'success'],
  });
  const byList = `--store ${shellWord(other)} --allow-list ${list} --key ${key}.pub --state ${shellWord(join(folder, 'state'))} --quiet`;
  screen.run(`npx verify-models ${byList}`, { status: 0, lines: ['exit status 0 = all is well'] });

  screen.step('And asks for the one that nobody approved.');
  screen.run(`${ollama} pull samp1e`, {
    status: 1,
    lines: [
      'pulling manifest',
      /^Error: pull model manifest: 403: samp1e:latest is not on the allow-list models version 1; did you mean sample:latest; ask models@corp\.example \(request [0-9a-f]{8}\)$/,
    ],
  });

  screen.step('Somebody tampers with the copy; repair fetches that layer from the mirror, and nothing else.');
  const copy = shellWord(join(other, 'blobs', expected.replace(':', '-')));
  screen.run(`printf C | dd of=${copy} bs=1 seek=${at} conv=notrunc 2>/dev/null`, { status: 0, lines: [] });
  screen.run(`npx verify-models repair --from ${mirror} ${byList.replace(' --quiet', '')}`, {
    status: 0,
    lines: [
      'repaired  sample:latest   system was altered: 45 B fetched',
      /^ {2}kept {4}.*\/other\/models\.verify-models\/quarantine\/sha256-/,
      '1 model repaired, 0 sound, 0 failed',
      'exit status 0 = all is well',
      `next: verify-models check --allow-list ${list} --key ${key}.pub --state ${shellWord(join(folder, 'state'))} --store ${shellWord(other)}`,
    ],
  });
  screen.run(`npx verify-models ${byList}`, { status: 0, lines: ['exit status 0 = all is well'] });

  screen.step(
    'For a host that has no network, the mirror writes the same into a file, with list and approval.',
  );
  const far = join(folder, 'far');
  mkdirSync(join(far, 'models'), { recursive: true });
  const archive = shellWord(join(far, 'models.tar'));
  const ofMirror = `--data ${shellWord(join(folder, 'mirror'))} --allow-list ${list} --key ${key}.pub`;
  screen.run(`npx model-mirror export -o ${archive} ${ofMirror}`, {
    status: 0,
    lines: [
      /^archive {3}[0-9a-f]{12} {3}1 model, 11 files, 33\.\d kB, allow-list models version 1$/,
      /^wrote {5}.*\/far\/models\.tar$/,
      /^signed {4}.*\/far\/models\.sigstore\.jsonl {3}by the key [0-9a-f]{12} \(.*\/custody\.pub\)$/,
      /^record {4}.*\/far\/models\.transfer\.jsonl {3}entry 1; to print: .*\/far\/models\.sheet\.txt$/,
      /^next: model-mirror import /,
    ],
  });

  screen.step('What is in it? (That host has no npm: the programs are files.)');
  screen.run(`node dist/model-mirror.cjs inspect ${archive} --data ${shellWord(join(far, 'mirror'))}`, {
    status: 0,
    lines: [
      /^archive {3}[0-9a-f]{12} {3}.*\/far\/models\.tar {3}11 files, 33\.\d kB$/,
      /^sender {4}says that the key [0-9a-f]{12} signed it; unproven: /,
      /^record {4}1\. exported \S+Z {3}nobody named {3}key [0-9a-f]{12}$/,
      /^list {6}models version 1, sha256:[0-9a-f]{64}$/,
      /^approved {2}by the key [0-9a-f]{12}, as its approvals say: /,
      'model     sample:latest   d183e8687bb1   17.2 kB',
      '',
      'what an import would change here:',
      'new       registry.ollama.ai/library/sample:latest',
      'exit status 0 = all is well',
    ],
  });

  screen.step('Into a store that was empty, and it is the model that was approved.');
  const there = [
    `--store ${shellWord(join(far, 'models'))} --state ${shellWord(join(far, 'state'))}`,
    `--allow-list ${shellWord(join(far, 'allow-list.json'))} --key ${key}.pub`,
  ].join(' ');
  screen.run(`node dist/verify-models.cjs install ${archive} ${there}`, {
    status: 0,
    lines: [
      /^archive {3}[0-9a-f]{12} {3}says that the key [0-9a-f]{12} signed it; unproven: /,
      'installed sample:latest   d183e8687bb1   17.2 kB',
      /^list {6}models version 1 taken, approved by .*\/demo\.pub, until \d{4}-\d{2}-\d{2}$/,
      /^ {10}first contact: compare its digest with what the signers say: sha256:[0-9a-f]{64}$/,
      /^record {4}.*\/far\/state\/transfers\/[0-9a-f]{64}\.transfer\.jsonl$/,
      '1 installed, 0 here already, 0 refused; 17.2 kB taken',
      'exit status 0 = all is well',
      /^next: verify-models check --allow-list /,
    ],
  });
  screen.run(`node dist/verify-models.cjs ${there} --quiet`, {
    status: 0,
    lines: ['exit status 0 = all is well'],
  });
} finally {
  background[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
}

process.stdout.write(
  screen.surprises === 0
    ? '\nEvery line was as expected.\n'
    : `\n${screen.surprises} lines were not as expected.\n`,
);
process.exitCode = screen.surprises === 0 ? 0 : 1;
