import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import { type Digest, isDigest, readStrictJson } from '../oci/index.ts';
import type { StateDirectory } from '../state/index.ts';

/** What a host remembers of one list, so that nobody can offer it an older one. */
export interface ListMemory {
  readonly listId: string;
  /** Highest version that was accepted. */
  readonly listVersion: number;
  /** Its SHA-256; undefined after a rotation of the keys, when any list from `listVersion` on may follow. */
  readonly listDigest: Digest | undefined;
  /** The policy that was accepted last; 0 and undefined without one. */
  readonly trustVersion: number;
  readonly trustDigest: Digest | undefined;
  /** The latest time at which a list was accepted, by this host's clock. */
  readonly lastTime: Date;
}

const schemaName = 'urn:verify-models:list-memory:v1';

const digest = z.optional(z.string().check(z.refine(isDigest)));

const schema = z.strictObject({
  schema: z.literal(schemaName),
  listId: z.string(),
  listVersion: z.int().check(z.minimum(0)),
  listDigest: digest,
  trustVersion: z.int().check(z.minimum(0)),
  trustDigest: digest,
  lastTime: z.iso.datetime(),
});

const rules = {
  maxDepth: 3,
  knownKeys: new Set<string>(),
  integerKeys: new Set(['listVersion', 'trustVersion']),
};

const fileName = (listId: string): string =>
  `list-${createHash('sha256').update(listId).digest('hex').slice(0, 16)}.json`;

/** What is remembered of a list; undefined at the first contact. @throws KnownError STATE_* */
export function readListMemory(state: StateDirectory, listId: string): ListMemory | undefined {
  const text = state.read(fileName(listId));
  return text === undefined ? undefined : parse(text, listId, `${state.path}/${fileName(listId)}`);
}

/**
 * Remembers an accepted list, under the lock of the state directory. Whatever another run wrote meanwhile, the higher
 * version and the later time stay; `replaced` is what this run started from, and is not defended against itself.
 *
 * @throws KnownError STATE_*
 */
export function writeListMemory(
  state: StateDirectory,
  memory: ListMemory,
  replaced: ListMemory | undefined,
): void {
  const name = fileName(memory.listId);
  state.update(name, (before) => {
    const present = before === undefined ? undefined : parse(before, memory.listId, `${state.path}/${name}`);
    const moved = present !== undefined && JSON.stringify(present) !== JSON.stringify(replaced);
    return write(moved ? newest(present, memory) : memory);
  });
}

/** Accepts the clock as it is now: the remembered time is set back to it. @throws KnownError STATE_* */
export function acceptClock(state: StateDirectory, listId: string, now: Date): boolean {
  let known = false;
  state.update(fileName(listId), (before) => {
    if (before === undefined) return undefined;
    known = true;
    return write({ ...parse(before, listId, state.path), lastTime: now });
  });
  return known;
}

function newest(a: ListMemory, b: ListMemory): ListMemory {
  const list = a.listVersion > b.listVersion ? a : b;
  const trust = a.trustVersion > b.trustVersion ? a : b;
  return {
    listId: b.listId,
    listVersion: list.listVersion,
    listDigest: list.listDigest,
    trustVersion: trust.trustVersion,
    trustDigest: trust.trustDigest,
    lastTime: a.lastTime > b.lastTime ? a.lastTime : b.lastTime,
  };
}

const write = (memory: ListMemory): string => `${JSON.stringify({ schema: schemaName, ...memory })}\n`;

function parse(text: string, listId: string, path: string): ListMemory {
  const json = readStrictJson(Buffer.from(text), rules);
  const parsed = schema.safeParse(json.ok ? json.value : undefined);
  if (!parsed.success || parsed.data.listId !== listId) {
    throw new KnownError('STATE_DAMAGED', { path, problem: 'it is no memory of this list' });
  }
  const { listVersion, trustVersion, lastTime } = parsed.data;
  const known = (value: string | undefined) => (value !== undefined && isDigest(value) ? value : undefined);
  return {
    listId,
    listVersion,
    listDigest: known(parsed.data.listDigest),
    trustVersion,
    trustDigest: known(parsed.data.trustDigest),
    lastTime: new Date(lastTime),
  };
}
