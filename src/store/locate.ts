import { lstatSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { homeDirectory } from '../files/index.ts';
import { asOllamaReads } from './ollama-variable.ts';

/** The part of the environment that says where a store may be. */
export interface StoreEnvironment {
  readonly OLLAMA_MODELS?: string | undefined;
  readonly HOME?: string | undefined;
}

export interface LocatedStore {
  /** Absolute, links resolved: the store is where the user's path leads. */
  readonly path: string;
  /** As it was named, where it was looked for first of all. */
  readonly named: string;
  /** Other stores on this machine, which were not chosen. */
  readonly others: readonly string[];
}

/** Where the installers put the store on this system, most likely first. */
export function usualPlaces(
  environment: StoreEnvironment,
  platform: NodeJS.Platform = process.platform,
): string[] {
  const home = homeDirectory(environment.HOME);
  return [
    ...(home === undefined ? [] : [join(home, '.ollama', 'models')]),
    ...(platform === 'linux' ? ['/usr/share/ollama/.ollama/models'] : []),
  ];
}

/**
 * Finds the store: the path that was named, else `OLLAMA_MODELS`, else the usual places, first one that is there.
 *
 * @throws KnownError STORE_NOT_FOUND (says where it looked), STORE_UNREADABLE
 */
export function locateStore(named: string | undefined, environment: StoreEnvironment): LocatedStore {
  const variable = asOllamaReads(environment.OLLAMA_MODELS ?? '');
  const usual = usualPlaces(environment);
  const candidates = named !== undefined ? [named] : variable !== '' ? [variable] : usual;
  const found = candidates.find((path) => present(path));
  if (found === undefined)
    throw new KnownError('STORE_NOT_FOUND', { looked: candidates.join(' and ') || 'no place' });
  let path: string;
  try {
    path = realpathSync.native(found);
    if (!statSync(path).isDirectory()) {
      throw new KnownError('STORE_UNREADABLE', { path: found, problem: 'it is not a directory' });
    }
  } catch (error) {
    if (error instanceof KnownError) throw error;
    throw new KnownError('STORE_UNREADABLE', { path: found, problem: describeCause(error) }, error);
  }
  return {
    path,
    named: found,
    others: named === undefined ? usual.filter((place) => place !== found && isStore(place)) : [],
  };
}

/** Absent is absent; a path that cannot be looked at is there, and the reading of it will say why not. */
function present(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '');
  }
}

function isStore(path: string): boolean {
  try {
    return statSync(join(path, 'manifests')).isDirectory();
  } catch {
    return false;
  }
}
