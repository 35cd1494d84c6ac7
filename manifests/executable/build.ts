/**
 * Builds `verify-models` as one file without Node.js: a bundle of everything it may load, put into a copy of the Node.js
 * of the lock file (Node.js, "Single executable applications"), whichever Node.js runs this script. Needs Linux.
 *
 *     npm run build:executable [-- DIR] [--node FILE]
 *
 * The file is DIR/verify-models, by default dist/executable/verify-models. FILE is another copy of that same Node.js.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { installedNode, nodeVersion, readLockedNode } from './locked-node.ts';

/** Threads of the program; in the executable they are started from these texts (src/hash/start-worker.ts). */
const workers = ['hash-worker', 'running-digest-worker'];
/** The mark that Node.js looks for in its own file; postject turns its last digit (Node.js, "Injecting the blob"). */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const top = fileURLToPath(new URL('../..', import.meta.url));
const target = `${process.platform}-${process.arch}`;
const { values, positionals } = parseArgs({ allowPositionals: true, options: { node: { type: 'string' } } });
const node = readLockedNode(values.node ?? installedNode(target), target);
if (typeof node === 'string') {
  process.stderr.write(`not built: ${node}\n`);
  process.exitCode = 1;
} else await buildAround(node, resolve(positionals[0] ?? join(top, 'dist', 'executable')));

/** Everything is made in a directory of its own, by that Node.js, and the finished file is renamed into the folder. */
async function buildAround(node: Buffer, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, '.build-'));
  try {
    const [runtime, made, finished] = [join(work, 'node'), join(work, 'made'), join(folder, 'verify-models')];
    for (const path of [runtime, made]) {
      writeFileSync(path, node);
      chmodSync(path, 0o755);
    }
    await bundle(work);
    inject(runtime, made, makeBlob(runtime, work));
    renameSync(made, finished);
    tell(finished);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** One CommonJS file for the program, and one for each thread. */
async function bundle(work: string): Promise<void> {
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

/** The program as Node.js keeps it in itself; made by the Node.js that will hold it: code caches are of one build. */
function makeBlob(runtime: string, work: string): string {
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
  execFileSync(runtime, ['--experimental-sea-config', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  return blob;
}

function inject(runtime: string, program: string, blob: string): void {
  const postject = createRequire(import.meta.url).resolve('postject/dist/cli.js');
  const words = [postject, program, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse];
  // It warns of notes in Node.js' own file that it does not understand and leaves alone.
  execFileSync(runtime, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function tell(path: string): void {
  const bytes = readFileSync(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  process.stdout.write(`${path}: ${Math.round(bytes.length / 1e6)} MB, Node.js ${nodeVersion}\n`);
  process.stdout.write(`sha256:${sha256}\nnext: ${path} --version\n`);
}
