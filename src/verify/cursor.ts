import { createHash } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import { isDigest, readStrictJson } from '../oci/index.ts';
import type { StateDirectory } from '../state/index.ts';

/** Where a run that was limited in time stopped: the last blob up to which everything was hashed. */
export interface Cursor {
  /** Bytes. */
  readonly size: number;
  readonly digest: string;
  /** It has the old name with a colon, which comes after the proper one. */
  readonly colon: boolean;
}

const schema = 'urn:verify-models:cursor:v1';
const rules = {
  maxDepth: 4,
  knownKeys: new Set(['schema', 'scope', 'size', 'digest', 'colon']),
  integerKeys: new Set(['size']),
};

/** One cursor for each thing that is checked in parts: a store, and what of it. The file is named after it. */
const fileName = (scope: string): string =>
  `cursor-${createHash('sha256').update(scope).digest('hex').slice(0, 16)}.json`;

/** Where the next limited run of this scope goes on; undefined means at the beginning. @throws KnownError STATE_* */
export function readCursor(state: StateDirectory, scope: string): Cursor | undefined {
  const name = fileName(scope);
  const text = state.read(name);
  if (text === undefined) return undefined;
  const json = readStrictJson(Buffer.from(text), rules);
  const value: unknown = json.ok ? json.value : undefined;
  if (isCursor(value) && value.scope === scope) {
    return { size: value.size, digest: value.digest, colon: value.colon };
  }
  throw new KnownError('STATE_DAMAGED', {
    path: `${state.path}/${name}`,
    problem: 'it is no cursor of this check',
  });
}

/** Remembers where to go on, or forgets it once a pass is complete. @throws KnownError STATE_* */
export function writeCursor(state: StateDirectory, scope: string, cursor: Cursor | undefined): void {
  const text = cursor === undefined ? undefined : `${JSON.stringify({ schema, scope, ...cursor })}\n`;
  state.update(fileName(scope), () => text);
}

function isCursor(value: unknown): value is Cursor & { readonly scope: string } {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const digest = fields.get('digest');
  const shaped =
    fields.get('schema') === schema &&
    typeof fields.get('scope') === 'string' &&
    typeof fields.get('colon') === 'boolean';
  return shaped && Number.isSafeInteger(fields.get('size')) && typeof digest === 'string' && isDigest(digest);
}
