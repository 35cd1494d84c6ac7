import { readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '../../src/errors/index.ts';

/** Links in a row that are followed to find where a file would lie; as many as Linux follows. */
const linkLimit = 40;

/** Whether a path leads into the store, by itself or through a link; also where nothing lies there yet. */
export function liesInStore(path: string, store: string): boolean {
  const insides = [store, join(store, 'blobs'), join(store, 'manifests')].map((inside) => realPathOf(inside));
  const real = realPathOf(resolve(path));
  return insides.some((inside) => real === inside || real.startsWith(`${inside}/`));
}

/** Where a path leads, also where nothing lies there yet: a link that dangles would make its target. */
function realPathOf(path: string, followed = 0): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) return path;
  }
  const here = join(realPathOf(dirname(path), followed), basename(path));
  const target = linkAt(here);
  return target === undefined || followed >= linkLimit
    ? here
    : realPathOf(resolve(dirname(here), target), followed + 1);
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
