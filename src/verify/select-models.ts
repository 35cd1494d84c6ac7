import { KnownError } from '../errors/index.ts';
import { shellWord } from '../findings/index.ts';
import { fullName, parseModelName, shortName } from '../oci/index.ts';
import type { ModelRecord } from './model-records.ts';
import { nearest } from './nearest.ts';

/**
 * The models that the typed words mean: the exact name first, else the only one that is equal without regard to
 * case, as Ollama looks names up. No words mean all models.
 *
 * @param commands words that are commands, for the suggestion only
 * @param listed full names of an accepted allow-list: such a name is absent from the store, not unknown
 * @param unread whether a name (in full) may be there although it was not found: it is then passed over
 * @throws KnownError COMMAND_UNKNOWN (with the nearest word), USAGE when a word means several models
 */
export function selectModels<T extends { readonly record: ModelRecord }>(
  models: readonly T[],
  words: readonly string[],
  commands: readonly string[],
  listed: ReadonlyMap<string, unknown> = new Map(),
  unread: (full: string) => boolean = () => false,
): { readonly chosen: readonly T[]; readonly absent: readonly string[] } {
  if (words.length === 0) return { chosen: models, absent: [] };
  const chosen = new Set<T>();
  const absent: string[] = [];
  for (const word of words) {
    const full = fullNameOf(word);
    const found = findOne(models, word, full);
    if (found !== undefined) chosen.add(found);
    else if (full !== undefined && listed.has(full)) absent.push(full);
    else if (full === undefined || !unread(full))
      throw unknownWord(models, word, [...commands, ...shortNames(listed.keys())]);
  }
  return { chosen: models.filter((model) => chosen.has(model)), absent };
}

function findOne<T extends { readonly record: ModelRecord }>(
  models: readonly T[],
  word: string,
  wanted: string | undefined,
): T | undefined {
  const exact = models.find((model) => model.record.full === wanted);
  if (exact !== undefined) return exact;
  const alike = models.filter((model) => model.record.full.toLowerCase() === wanted?.toLowerCase());
  if (alike.length > 1) {
    const names = alike.map((model) => model.record.short).join(', ');
    throw new KnownError('USAGE', {
      problem: `${word} could be any of ${names}: type it as it is spelled there`,
    });
  }
  return alike[0];
}

function shortNames(full: Iterable<string>): string[] {
  return [...full].map((name) => shortName(parseModelName(name)));
}

function unknownWord(
  models: readonly { readonly record: ModelRecord }[],
  word: string,
  commands: readonly string[],
): KnownError {
  const known = [
    ...models.flatMap(({ record }) => [record.short, record.short.replace(/:latest$/, '')]),
    ...commands,
  ];
  const near = nearest(word, known);
  const suggestion =
    near === undefined ? 'verify-models list' : `did you mean: verify-models ${shellWord(near)}`;
  return new KnownError('COMMAND_UNKNOWN', { word: word.slice(0, 120), suggestion });
}

function fullNameOf(word: string): string | undefined {
  try {
    return fullName(parseModelName(word));
  } catch {
    return undefined;
  }
}
