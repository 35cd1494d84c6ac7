import type { Fact, FindingsLog } from '../findings/index.ts';
import { fullName, type ModelName, parseModelName } from '../oci/index.ts';
import type { OllamaStore } from '../store/index.ts';
import type { CheckRequest } from './check-request.ts';
import type { ChosenModels } from './chosen-models.ts';
import { gatherModels } from './gather-models.ts';
import { selectModels } from './select-models.ts';

/**
 * Reads all manifests, chooses the models that were named, and reports what concerns them: all of it where none was
 * named.
 *
 * @throws KnownError COMMAND_UNKNOWN, USAGE for words that mean no model, or several
 */
export async function readModels(
  store: OllamaStore,
  request: CheckRequest,
  signal: AbortSignal,
  log: FindingsLog,
): Promise<ChosenModels> {
  const whole = request.models.length === 0;
  const way = new OnTheWay(request.models);
  const { models, facts, complete } = await gatherModels(
    store,
    (fact) => {
      if (whole || way.concerns(fact)) log.add(fact);
    },
    signal,
    request.sealing?.guarded === true ? 'state' : 'bytes',
  );
  const unread = (full: string) => signal.aborted || store.isUnread('manifests') || way.isBlocked(full);
  const { chosen, absent } = selectModels(
    models,
    request.models,
    request.commands,
    listedIn(request),
    unread,
  );
  const records = new Set(chosen.map(({ record }) => record));
  for (const { models: concerned, report } of facts) {
    if (whole || concerned.some((record) => records.has(record))) report((fact) => log.add(fact));
  }
  return { all: models, chosen, absent, whole, complete };
}

function listedIn({ list }: CheckRequest): ReadonlyMap<string, unknown> {
  return list?.outcome.accepted === true ? list.outcome.list.models : new Map();
}

/** Facts about the directories and files that lead to the models which were named, as Ollama looks names up. */
class OnTheWay {
  readonly #wanted: readonly string[];
  readonly #blocked: string[] = [];

  constructor(words: readonly string[]) {
    this.#wanted = words.flatMap((word) => {
      try {
        return [wayTo(parseModelName(word))];
      } catch {
        return [];
      }
    });
  }

  concerns({ rule, path }: Fact): boolean {
    if (path === undefined) return false;
    const own = `${path.toLowerCase()}/`;
    if (!this.#wanted.some((way) => way.startsWith(own))) return false;
    if (rule === 'store-unreadable' || rule === 'store-link-outside') this.#blocked.push(own);
    return true;
  }

  /** Something on the way was not read, so that a name which was not found may be there all the same. */
  isBlocked(full: string): boolean {
    const way = wayTo(parseModelName(full));
    return this.#blocked.some((path) => way.startsWith(path));
  }
}

const wayTo = (name: ModelName): string =>
  `manifests/${fullName(name).replace(/:([^:]*)$/, '/$1')}/`.toLowerCase();
