import { fchmodSync, fstatSync, mkdirSync } from 'node:fs';
import { KnownError, systemCode } from '../errors/index.ts';
import { Directory, type RawName, syncOpened, textToRaw } from '../files/index.ts';
import type { ModelName } from '../oci/index.ts';
import type { OllamaStore } from '../store/index.ts';

/**
 * Opens the directory in which the manifest of a model lies, `manifests/HOST/NAMESPACE/MODEL`, and makes what is not
 * there. Each level is opened in the one above it, and no link is followed: what is written below a store stays there,
 * whoever else may write in it. Root enters no directory that somebody else can write.
 *
 * @param uid of the process; undefined where there is no such thing
 * @param work what is done there; the directory is closed behind it, and what was made lasts
 * @throws KnownError FILE_UNWRITABLE; system errors
 */
export function inModelFolder<T>(
  store: Pick<OllamaStore, 'path' | 'manifests'>,
  { host, namespace, model }: ModelName,
  uid: number | undefined,
  work: (folder: Directory) => T,
): T {
  const levels = [host, namespace, model].map(textToRaw);
  if (store.manifests !== undefined) return descend(store.manifests, levels, uid, work);
  using root = Directory.open(textToRaw(store.path));
  return descend(root, ['manifests', ...levels], uid, work);
}

function descend<T>(
  above: Directory,
  [name = '', ...rest]: readonly RawName[],
  uid: number | undefined,
  work: (folder: Directory) => T,
): T {
  const { folder, isNew } = enter(above, name);
  using below = folder;
  refuseStrangers(below, uid);
  const result = rest.length > 0 ? descend(below, rest, uid, work) : work(below);
  if (rest.length === 0) syncOpened(below.fd);
  // A directory that was made is an entry of the one above it.
  if (isNew) syncOpened(above.fd);
  return result;
}

function enter(above: Directory, name: RawName): { readonly folder: Directory; readonly isNew: boolean } {
  try {
    return { folder: above.openDirectory(name), isNew: false };
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw asLink(above, name, error);
  }
  mkdirSync(above.reach(name), { mode: 0o755 });
  const folder = above.openDirectory(name);
  // Whatever the umask: Ollama may run as another user of the same group.
  fchmodSync(folder.fd, 0o755);
  return { folder, isNew: true };
}

/** Says of a link what it is. */
function asLink(above: Directory, name: RawName, error: unknown): unknown {
  if (!['ELOOP', 'ENOTDIR'].includes(systemCode(error) ?? '') || !above.lstat(name).isSymbolicLink())
    return error;
  const problem = 'it is a link, and nothing is written behind one';
  return new KnownError('FILE_UNWRITABLE', { path: above.pathOf(name), problem }, error);
}

function refuseStrangers({ fd, path }: Directory, uid: number | undefined): void {
  if (uid !== 0) return;
  const stat = fstatSync(fd);
  if (stat.uid === 0 && (stat.mode & 0o022) === 0) return;
  const who = stat.uid === 0 ? 'other users' : `user ${stat.uid}`;
  const problem = `${who} can write into it, and root does not write there`;
  throw new KnownError('FILE_UNWRITABLE', { path, problem });
}
