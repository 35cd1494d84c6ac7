/**
 * Builds `verify-models` as one file without Node.js: a bundle of everything it may load, put into a copy of the Node.js
 * that runs this script (Node.js, "Single executable applications"). Needs Linux.
 *
 *     npm run build:executable [-- DIR]     the file is DIR/verify-models, by default dist/executable/verify-models
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Threads of the program; in the executable they are started from these texts (src/hash/start-worker.ts). */
const workers = ['hash-worker', 'running-digest-worker'];
/** The mark that Node.js looks for in its own file; postject turns its last digit (Node.js, "Injecting the blob"). */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const top = fileURLToPath(new URL('../..', import.meta.url));
const folder = resolve(process.argv[2] ?? join(top, 'dist', 'executable'));

if (process.platform !== 'linux') throw new Error('the single executable is built on Linux, for Linux');
mkdirSync(folder, { recursive: true });
const work = mkdtempSync(join(folder, '.build-'));
try {
  await bundle();
  const blob = makeBlob();
  const made = join(work, 'verify-models');
  copyFileSync(process.execPath, made);
  chmodSync(made, 0o755);
  inject(made, blob);
  const finished = join(folder, 'verify-models');
  renameSync(made, finished);
  tell(finished);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** One CommonJS file for the program, and one for each thread. */
async function bundle(): Promise<void> {
  await build({
    absWorkingDir: top,
    entryPoints: ['cli/verify-models.ts', ...workers.map((name) => `src/hash/${name}.ts`)],
    outdir: work,
    entryNames: '[name]',
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'eof',
    logLevel: 'warning',
    banner: { js: "const __here = require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': '__here' },
  });
}

function makeBlob(): string {
  const [config, blob] = [join(work, 'sea-config.json'), join(work, 'blob')];
  const settings = {
    main: join(work, 'verify-models.cjs'),
    output: blob,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // Compiled once, here: loading the bundle is half of the time of a short run.
    useCodeCache: true,
    // NODE_OPTIONS of the environment would run other people's code inside the program.
    execArgvExtension: 'none',
    assets: Object.fromEntries(workers.map((name) => [`${name}.cjs`, join(work, `${name}.cjs`)])),
  };
  writeFileSync(config, JSON.stringify(settings));
  execFileSync(process.execPath, ['--experimental-sea-config', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return blob;
}

function inject(program: string, blob: string): void {
  const postject = createRequire(import.meta.url).resolve('postject/dist/cli.js');
  const words = [postject, program, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse];
  // It warns of notes in Node.js' own file that it does not understand and leaves alone.
  execFileSync(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function tell(path: string): void {
  const bytes = readFileSync(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  process.stdout.write(`${path}: ${Math.round(bytes.length / 1e6)} MB, Node.js ${process.versions.node}\n`);
  process.stdout.write(`sha256:${sha256}\nnext: ${path} --version\n`);
}
