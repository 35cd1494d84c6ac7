import { typedCommand } from '../findings/index.ts';

/** Names that are tried one after the other; one of them is in a registry, unless all were made here. */
const namesTried = 4;

/**
 * The command that brings a file of the store back: `ollama pull` keeps whatever lies under the name of a blob, so a
 * bad file is removed first. Where several models share it, a copy made with `ollama cp` may be in no registry: the
 * next name is tried then.
 *
 * @param file path of what is to be removed; undefined when nothing is in the way
 */
export function repairCommand(
  file: string | undefined,
  names: readonly string[],
  directory = false,
): string | undefined {
  const remove = file === undefined ? [] : [directory ? ['rm', '-r', file] : ['rm', file]];
  const pulls = names.slice(0, namesTried).map((name) => typedCommand(['ollama', 'pull', name]));
  const removal = typedCommand(...remove);
  if (removal === undefined || pulls.some((pull) => pull === undefined)) return undefined;
  const pull = pulls.length > 1 ? `{ ${pulls.join(' || ')}; }` : (pulls[0] ?? '');
  return [removal, pull].filter((part) => part !== '').join(' && ') || undefined;
}
