import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** The Node.js that the executable holds; package-lock.json holds its packages (manifests/node) by their integrity. */
export const nodeVersion = '24.21.0';

/**
 * SHA-256 of the file `bin/node` of that version, by `platform-arch`. The packages have it from the archives of the
 * Node.js project, whose SHASUMS256.txt is signed: a newer one is held against them before it is written here.
 */
export const nodeDigests: Readonly<Record<string, string>> = {
  'linux-x64': '7fde7b8afa198da66257f42ee2001d874c7355631e6d1579a5fb5ef1f246df4c',
  'linux-arm64': '0f8949d1028f6d61506b2d5bc57e7e6fe893d7b1997509b7847294fc9c616584',
};

/** Where `npm ci` puts the Node.js of a `platform-arch`; undefined where it brought none. */
export function installedNode(target: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(`node-${target}/bin/node`);
  } catch {
    return undefined;
  }
}

/**
 * The bytes of a Node.js, read once, so that what was judged is what is used.
 *
 * @param path a file; undefined where there is none
 * @param target its `platform-arch`
 * @returns the bytes, when they are those that are pinned for the target; else the sentence that says why not
 */
export function readLockedNode(path: string | undefined, target: string): Buffer | string {
  const expected = nodeDigests[target];
  if (expected === undefined) return `no Node.js is pinned for ${target}, only for ${pinnedTargets()}`;
  if (path === undefined) return `npm brought no Node.js for ${target}; type npm ci, without --omit=optional`;
  const bytes = readFileSync(path);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual === expected) return bytes;
  return `${path} is not the Node.js ${nodeVersion} that is pinned for ${target}: its bytes are sha256:${actual}, expected are sha256:${expected}; nothing was written; type npm ci to get it anew`;
}

const pinnedTargets = (): string => Object.keys(nodeDigests).join(' and ');
