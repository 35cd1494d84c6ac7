import { typedCommand } from '../findings/index.ts';
import type { ListFact } from '../trust/index.ts';

/** The words of a command line that say which list is meant, and by what it is judged. */
export interface ListWords {
  readonly path: string;
  readonly key: string | undefined;
  readonly trust: string | undefined;
  /** The state directory, where one was named. */
  readonly state: string | undefined;
}

/** A fact about a list with the command to type next, which names the list; KEY stands for a private key. */
export function withCommand(fact: ListFact, words: ListWords): ListFact {
  const command = commandFor(fact, words);
  const typed = command === undefined ? undefined : typedCommand(['verify-models', ...command]);
  return { ...fact, hint: typed ?? fact.hint ?? `verify-models explain ${fact.rule}` };
}

function commandFor({ rule, hint }: ListFact, words: ListWords): readonly string[] | undefined {
  const { path, key, trust, state } = words;
  switch (rule) {
    case 'list-unsigned':
    case 'list-not-approved':
      return ['sign', path, '--key', 'KEY'];
    case 'list-expired':
    case 'list-expired-allowed':
    case 'list-in-grace':
      return ['sign', path, '--renew', '--key', 'KEY'];
    case 'list-first-seen':
    case 'first-contact': {
      const digest = /sha256:[0-9a-f]{64}/.exec(hint ?? '')?.[0];
      const by = key === undefined ? ['--trust', trust ?? ''] : ['--key', key];
      return digest === undefined ? undefined : ['--allow-list', path, ...by, '--expect-digest', digest];
    }
    case 'clock-set-back': {
      const where = state === undefined ? [] : ['--state', state];
      return ['trust', 'accept-clock', '--allow-list', path, ...where];
    }
    case 'trust-malformed':
    case 'trust-not-approved':
    case 'trust-expired':
    case 'trust-rolled-back':
      return trust === undefined ? undefined : ['trust', 'show', '--trust', trust];
    default:
      return undefined;
  }
}
