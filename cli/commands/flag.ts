/** One flag of the command line: how it is typed, and what it says in --help. */
export interface Flag {
  /** The setting it stands for, or its own name. */
  readonly key: string;
  /** As commander takes it. */
  readonly syntax: string;
  readonly help: string;
  readonly repeatable?: boolean;
  /** What separates several values in one word. */
  readonly separator?: string;
  /** Values that completion offers. */
  readonly choices?: readonly string[];
}

/** A flag whose key is its name. */
export function flag(syntax: string, help: string, rest: Partial<Flag> = {}): Flag {
  const key = (syntax.split(' ', 1)[0] ?? '').slice(2);
  return { key, syntax, help, ...rest };
}
