import { carried, type TypedFlags } from './context.ts';

/**
 * What to type after models were put into a store: a check by the same list; after a dry run the words of the
 * installation itself.
 */
export function wordsAfterFilling(dryRun: readonly string[] | undefined, flags: TypedFlags): string[] {
  const given = (key: string, flag: string) =>
    [flags[key] ?? []].flat().flatMap((word: unknown) => [flag, String(word)]);
  const list = [
    ...given('allowList', '--allow-list'),
    ...(flags.trust === undefined ? given('key', '--key') : given('trust', '--trust')),
    ...given('state', '--state'),
    ...carried(flags),
  ];
  if (dryRun === undefined) return ['check', ...list];
  const own = [...given('policy', '--policy'), ...given('sender', '--sender'), ...given('ca', '--ca')];
  return ['install', ...dryRun, ...list, ...own];
}
