import { KnownError } from '../errors/index.ts';
import { shellWord } from '../findings/index.ts';
import { fullName, parseModelName } from '../oci/index.ts';
import type { ModelRecord } from './model-records.ts';
import { nearest } from './nearest.ts';

/**
 * The models that the typed words mean: the exact name first, else the only one that is equal without regard to
 * case, as Ollama looks names up. No words mean all models.
 *
 * @param commands words that are commands, for the suggestion only
 * @throws KnownError COMMAND_UNKNOWN (with the nearest word), USAGE when a word means several models
 */
export function selectModels<T extends { readonly record: ModelRecord }>(
  models: readonly T[],
  words: readonly string[],
  commands: readonly string[],
): readonly T[] {
  if (words.length === 0) return models;
  const chosen = new Set(words.map((word) => selectOne(models, word, commands)));
  return models.filter((model) => chosen.has(model));
}

function selectOne<T extends { readonly record: ModelRecord }>(
  models: readonly T[],
  word: string,
  commands: readonly string[],
): T {
  const wanted = fullNameOf(word);
  const exact = models.find((model) => model.record.full === wanted);
  if (exact !== undefined) return exact;
  const alike = models.filter((model) => model.record.full.toLowerCase() === wanted?.toLowerCase());
  if (alike.length > 1) {
    const names = alike.map((model) => model.record.short).join(', ');
    throw new KnownError('USAGE', {
      problem: `${word} could be any of ${names}: type it as it is spelled there`,
    });
  }
  if (alike[0] !== undefined) return alike[0];
  const known = [
    ...models.flatMap(({ record }) => [record.short, record.short.replace(/:latest$/, '')]),
    ...commands,
  ];
  const near = nearest(word, known);
  const suggestion =
    near === undefined ? 'verify-models list' : `did you mean: verify-models ${shellWord(near)}`;
  throw new KnownError('COMMAND_UNKNOWN', { word: word.slice(0, 120), suggestion });
}

function fullNameOf(word: string): string | undefined {
  try {
    return fullName(parseModelName(word));
  } catch {
    return undefined;
  }
}
