import { type AllowList, resolveAlias, type VerifiedModel } from '../../src/allow-list/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { fullName, shortName } from '../../src/oci/index.ts';

/**
 * Models as the list calls them: one that came through a mirror is listed under the host that the mirror stands for.
 *
 * @throws KnownError USAGE when two models of the store would be one of the list
 */
export function underListedHosts(list: AllowList, models: readonly VerifiedModel[]): VerifiedModel[] {
  const byName = new Map<string, VerifiedModel>();
  for (const model of models) {
    const name = resolveAlias(list, model.name);
    const other = byName.get(fullName(name));
    if (other !== undefined && other.manifestDigest !== model.manifestDigest) {
      const problem = `two different models of the store stand for ${shortName(name)}: name the one that is meant`;
      throw new KnownError('USAGE', { problem });
    }
    byName.set(fullName(name), { ...model, name });
  }
  return [...byName.values()];
}
