import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import { type Digest, isDigest, readStrictJson } from '../oci/index.ts';
import type { StateDirectory } from '../state/index.ts';
import { stateName } from './state-name.ts';
import type { TrustRoot } from './trust-root.ts';

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
  /** Ids of the keys that the policy lets approve lists: what they reached under it counts for each of them alone too. */
  readonly listKeys?: readonly string[] | undefined;
  /** The latest time at which a list was accepted, by this host's clock. */
  readonly lastTime: Date;
}

const schemaName = 'urn:verify-models:list-memory:v2';

/** What versions before remembered of a list id, whoever had approved it: it counts for every root of trust. */
const rootlessSchemaName = 'urn:verify-models:list-memory:v1';

const digest = z.optional(z.string().check(z.refine(isDigest)));

const fields = {
  listId: z.string(),
  listVersion: z.int().check(z.minimum(0)),
  listDigest: digest,
  trustVersion: z.int().check(z.minimum(0)),
  trustDigest: digest,
  lastTime: z.iso.datetime(),
};

const schema = z.strictObject({
  schema: z.literal(schemaName),
  root: z.string(),
  listKeys: z.optional(z.array(z.string()).check(z.maxLength(64))),
  ...fields,
});

const rootlessSchema = z.strictObject({ schema: z.literal(rootlessSchemaName), ...fields });

const rules = {
  maxDepth: 3,
  knownKeys: new Set<string>(),
  integerKeys: new Set(['listVersion', 'trustVersion']),
};

const fileName = (root: TrustRoot, listId: string): string => stateName('list', root, listId);

const rootlessName = (listId: string): string => stateName('list', listId);

const nameOf = ({ root, listId }: { readonly root: TrustRoot | undefined; readonly listId: string }) =>
  root === undefined ? rootlessName(listId) : fileName(root, listId);

/**
 * What is remembered of a list under a root of trust; undefined at the first contact. What an earlier version of this
 * program remembered of the list id protects every root until that root has a memory of its own.
 *
 * @throws KnownError STATE_*
 */
export function readListMemory(
  state: StateDirectory,
  root: TrustRoot,
  listId: string,
): ListMemory | undefined {
  const [name, rootless] = [fileName(root, listId), rootlessName(listId)];
  const [text, older] = [state.read(name), state.read(rootless)];
  const own = text === undefined ? undefined : parse(text, root, listId, `${state.path}/${name}`);
  if (older === undefined) return own;
  const memory = parse(older, undefined, listId, `${state.path}/${rootless}`);
  // An earlier version that runs beside this one writes there still.
  if (own !== undefined && own.lastTime >= memory.lastTime) return own;
  return root === 'policy' ? memory : { ...memory, trustVersion: 0, trustDigest: undefined };
}

/**
 * Remembers an accepted list, under the lock of the state directory. Whatever another run wrote meanwhile, the higher
 * version and the later time stay; `replaced` is what this run started from, and is not defended against itself.
 *
 * @throws KnownError STATE_*
 */
export function writeListMemory(
  state: StateDirectory,
  root: TrustRoot,
  memory: ListMemory,
  replaced: ListMemory | undefined,
): void {
  const name = fileName(root, memory.listId);
  state.update(name, (before) => {
    const present =
      before === undefined ? undefined : parse(before, root, memory.listId, `${state.path}/${name}`);
    const moved = present !== undefined && JSON.stringify(present) !== JSON.stringify(replaced);
    return write(root, moved ? newest(present, memory) : memory);
  });
}

/**
 * Accepts the clock as it is now: under every root of trust the remembered time of the list is set back to it.
 *
 * @returns whether anything is remembered of the list
 * @throws KnownError STATE_*
 */
export function acceptClock(state: StateDirectory, listId: string, now: Date): boolean {
  let known = false;
  for (const name of state.names('list-')) {
    const text = state.read(name);
    const of = text === undefined ? undefined : identityOf(text, name, `${state.path}/${name}`);
    if (of?.listId !== listId) continue;
    state.update(name, (before) => {
      if (before === undefined) return undefined;
      known = true;
      return write(of.root, { ...parse(before, of.root, listId, `${state.path}/${name}`), lastTime: now });
    });
  }
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
    ...(trust.listKeys === undefined ? {} : { listKeys: trust.listKeys }),
    lastTime: a.lastTime > b.lastTime ? a.lastTime : b.lastTime,
  };
}

/** @param root undefined for a memory of earlier versions, which names none */
const write = (root: TrustRoot | undefined, memory: ListMemory): string =>
  `${JSON.stringify(root === undefined ? { schema: rootlessSchemaName, ...memory } : { schema: schemaName, root, ...memory })}\n`;

const damaged = (path: string) =>
  new KnownError('STATE_DAMAGED', { path, problem: 'it is no memory of this list' });

const readFields = (text: string) => {
  const json = readStrictJson(Buffer.from(text), rules);
  const value = json.ok ? json.value : undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ...parsed.data, root: parsed.data.root as TrustRoot };
  const rootless = rootlessSchema.safeParse(value);
  return rootless.success ? { ...rootless.data, root: undefined } : undefined;
};

/** Which list a memory speaks of, and under which root of trust. @throws KnownError STATE_DAMAGED */
function identityOf(text: string, name: string, path: string) {
  const data = readFields(text);
  if (data === undefined || nameOf(data) !== name) throw damaged(path);
  return { root: data.root, listId: data.listId };
}

function parse(text: string, root: TrustRoot | undefined, listId: string, path: string): ListMemory {
  const data = readFields(text);
  if (data === undefined || data.listId !== listId || data.root !== root) throw damaged(path);
  const known = (value: string | undefined) => (value !== undefined && isDigest(value) ? value : undefined);
  const trustDigest = known(data.trustDigest);
  // Without the digest of its policy a version could be followed by any policy of that number.
  if (data.trustVersion > 0 && trustDigest === undefined) throw damaged(path);
  return {
    listId,
    listVersion: data.listVersion,
    listDigest: known(data.listDigest),
    trustVersion: data.trustVersion,
    trustDigest,
    ...('listKeys' in data && data.listKeys !== undefined ? { listKeys: data.listKeys } : {}),
    lastTime: new Date(data.lastTime),
  };
}
