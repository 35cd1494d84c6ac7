import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import { readStrictJson } from '../oci/index.ts';
import type { StateDirectory } from '../state/index.ts';
import { stateName } from './state-name.ts';
import type { TrustRoot } from './trust-root.ts';

const schemaName = 'urn:verify-models:list-place:v1';

const schema = z.strictObject({
  schema: z.literal(schemaName),
  place: z.string(),
  root: z.string(),
  listId: z.string(),
});

const rules = { maxDepth: 2, knownKeys: new Set<string>(), integerKeys: new Set<string>() };

const fileName = (place: string, root: TrustRoot): string => stateName('place', root, place);

/**
 * The id of the list that this host accepted at a place under a root of trust; undefined where it accepted none.
 *
 * @param place absolute path of the list, or the URL that it was fetched from
 * @throws KnownError STATE_*
 */
export function readPlace(state: StateDirectory, place: string, root: TrustRoot): string | undefined {
  const name = fileName(place, root);
  const text = state.read(name);
  if (text === undefined) return undefined;
  const json = readStrictJson(Buffer.from(text), rules);
  const parsed = schema.safeParse(json.ok ? json.value : undefined);
  if (parsed.success && parsed.data.place === place && parsed.data.root === root) return parsed.data.listId;
  throw new KnownError('STATE_DAMAGED', {
    path: `${state.path}/${name}`,
    problem: 'it does not say which list belongs to this place',
  });
}

/** Remembers which list belongs to a place under a root of trust. @throws KnownError STATE_* */
export function writePlace(state: StateDirectory, place: string, root: TrustRoot, listId: string): void {
  const text = `${JSON.stringify({ schema: schemaName, place, root, listId })}\n`;
  state.update(fileName(place, root), () => text);
}
