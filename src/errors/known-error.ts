import { inspect } from 'node:util';
import { withoutCredentials } from './credentials.ts';
import type { ErrorRow } from './error-row.ts';
import { type ErrorCode, errorTable } from './table.ts';

export type Facts = Readonly<Record<string, string | number>>;

/** Facts come from anywhere; whoever prints a message need not know that one of them is an address with a password. */
const fill = (template: string, facts: Facts): string =>
  withoutCredentials(
    template.replace(/\{(\w+)\}/g, (whole, key: string) => (key in facts ? String(facts[key]) : whole)),
  );

/**
 * The one error class of this product. What went wrong is `code`; the facts are fields, so that a caller need not
 * read the message. Text from outside (paths, names) stays raw here: whoever prints it makes it printable.
 */
export class KnownError extends Error {
  readonly code: ErrorCode;
  readonly exitStatus: number;
  readonly httpStatus: number;
  readonly hint: string | undefined;
  readonly facts: Facts;

  constructor(code: ErrorCode, facts: Facts = {}, cause?: unknown) {
    const row: ErrorRow = errorTable[code];
    super(fill(row.message, facts), cause === undefined ? undefined : { cause });
    this.name = 'KnownError';
    this.code = code;
    this.exitStatus = row.exit;
    this.httpStatus = row.http;
    this.hint = row.hint === undefined ? undefined : fill(row.hint, facts);
    this.facts = facts;
  }
}

/** What a caught value says, in one line, without the credentials of addresses; system errors lose the path they repeat ("EACCES: permission denied"). */
export function describeCause(error: unknown): string {
  // What is no error may be anything, even an object that refuses to become a text.
  const text = error instanceof Error ? error.message : typeof error === 'string' ? error : inspect(error);
  const system = error instanceof Error ? /^([A-Z0-9]+: [^,]+), /.exec(text) : null;
  return withoutCredentials((system?.[1] ?? text).split(/[\r\n]/, 1)[0] ?? '');
}

/** The system's error code (`ENOENT`, `EACCES`, ...), or undefined where there is none. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
