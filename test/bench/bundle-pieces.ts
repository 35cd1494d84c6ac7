import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Bundles the program that checks one blob by its pieces, as the product is bundled. Gives its path. */
export async function bundlePieces(folder: string): Promise<string> {
  await build({
    entryPoints: [here('./check-pieces.ts'), here('../../src/hash/hash-worker.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outdir: folder,
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
  return join(folder, 'check-pieces.mjs');
}
