import { type AllowList, resolveAlias } from '../allow-list/index.ts';
import { typedCommand } from '../findings/index.ts';
import { fullName, parseModelName, shortName } from '../oci/index.ts';
import type { Report } from '../store/index.ts';
import type { ChosenModels } from './chosen-models.ts';

/**
 * Listed models that are not in the store. A list may be larger than what one host holds: that is one piece of
 * information, and an error only for a model that was named, or for each of them when all are required.
 */
export function reportAbsent(
  list: AllowList,
  models: ChosenModels,
  requireAll: boolean,
  report: Report,
): void {
  const named = new Set(models.absent);
  for (const name of named) reportMissing(name, report);
  // Where not every manifest was read, nobody knows what is absent.
  if (!models.complete || !(models.whole || requireAll)) return;
  const present = new Set(models.all.map(({ record }) => fullName(resolveAlias(list, record.name))));
  const absent = [...list.models.keys()].filter((name) => !present.has(name) && !named.has(name));
  if (requireAll) for (const name of absent) reportMissing(name, report);
  else if (absent.length > 0) {
    const message = `${absent.length} of ${list.models.size} listed models are not in the store`;
    report({ rule: 'model-absent', actual: `${absent.length}`, message });
  }
}

function reportMissing(name: string, report: Report): void {
  const shown = shortName(parseModelName(name));
  report({
    rule: 'model-missing',
    model: name,
    message: `${shown} is listed and not in the store`,
    hint: typedCommand(['ollama', 'pull', shown]),
  });
}
