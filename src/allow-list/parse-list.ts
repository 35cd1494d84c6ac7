import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import {
  type Digest,
  fullName,
  illegalPart,
  isDigest,
  isListId,
  manifestSizeLimit,
  parseModelName,
  readStrictJson,
} from '../oci/index.ts';
import { type AllowList, allowListSchema, type ListedModel, listSizeLimit } from './allow-list.ts';
import { assertConsistent } from './check-list.ts';

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), {
  error: 'is no digest',
});
const size = z.int().check(z.minimum(0));

/** Powers of two from 1 MiB to 1 GiB. */
const pieceSize = z.literal(Array.from({ length: 11 }, (_, power) => 2 ** (20 + power)));
const line = z.string().check(z.maxLength(1000));

/** OCI media types are short (RFC 6838, section 4.2: 127 characters a side). */
const mediaType = z.string().check(z.minLength(1), z.maxLength(255));

const descriptor = z.strictObject({
  mediaType,
  digest,
  size,
  name: z.exactOptional(z.string().check(z.maxLength(1024))),
  chunks: z.exactOptional(
    z.strictObject({ size: pieceSize, count: z.int().check(z.minimum(1)), table: digest }),
  ),
});

/** Layers of one model; counted first, so that a list of bad ones is refused before each is judged. */
const layerLimit = 20_000;

const model = z.strictObject({
  manifest: z.strictObject({ digest, size: z.int().check(z.minimum(2), z.maximum(manifestSizeLimit)) }),
  config: descriptor,
  layers: z.pipe(z.array(z.unknown()).check(z.maxLength(layerLimit)), z.array(descriptor)),
  source: z.exactOptional(line),
  note: z.exactOptional(line),
});

const listId = z.string().check(z.refine(isListId));

/** An object of which each key counts: zod's own record passes over one that is called __proto__. */
const entriesOf = (accepts: (value: unknown) => boolean) =>
  z.pipe(
    z.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
    z.transform((value, context) => {
      const entries = Object.entries(value) as [string, unknown][];
      if (entries.every((entry) => accepts(entry[1]))) return entries;
      context.issues.push({ code: 'custom', input: value, message: 'is not what the schema asks for' });
      return z.NEVER;
    }),
  );

const schema = z.strictObject({
  schema: z.literal(allowListSchema),
  listId,
  version: z.int().check(z.minimum(1)),
  aliases: z.optional(entriesOf((value) => typeof value === 'string')),
  models: entriesOf(() => true),
});

const rules = {
  maxDepth: 8,
  knownKeys: new Set([
    ...['schema', 'listId', 'version', 'aliases', 'models', 'manifest', 'config', 'layers', 'source', 'note'],
    ...['mediaType', 'digest', 'size', 'name', 'chunks', 'count', 'table'],
  ]),
  integerKeys: new Set(['version', 'size', 'count']),
};

const refuse = (problem: string) => new KnownError('LIST_MALFORMED', { problem });

/**
 * Turns the bytes of an allow-list into a value, strictly: no reader may see another list in them, and no line says
 * other than another one.
 *
 * @throws KnownError LIST_MALFORMED
 */
export function parseAllowList(bytes: Uint8Array): AllowList {
  if (bytes.length > listSizeLimit) throw refuse(`it has ${bytes.length} bytes, more than ${listSizeLimit}`);
  const json = readStrictJson(bytes, rules);
  if (!json.ok) throw refuse(json.problems.map((problem) => problem.detail).join('; '));
  const parsed = schema.safeParse(json.value);
  if (!parsed.success) throw refuse(problemOf(parsed.error, 'the list'));
  const { aliases, models, version } = parsed.data;
  const entries = models.map(([name, value]) => [checkName(name), readModel(name, value)] as const);
  const list = {
    listId: parsed.data.listId,
    version,
    aliases: new Map((aliases ?? []).map(([alias, target]) => [alias, String(target)])),
    models: new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  assertConsistent(list);
  return list;
}

function readModel(name: string, value: unknown): ListedModel {
  const parsed = model.safeParse(value);
  if (!parsed.success) throw refuse(problemOf(parsed.error, name));
  return parsed.data;
}

function problemOf(error: z.core.$ZodError, where: string): string {
  const issue = error.issues[0];
  const key =
    issue?.code === 'unrecognized_keys'
      ? `the unknown key ${issue.keys[0]}`
      : issue?.path.map(String).join('.');
  return `${where.slice(0, 200)}: ${(key ?? '').slice(0, 100) || 'it'} is not what the schema asks for`;
}

function checkName(name: string): string {
  const shown = JSON.stringify(name.slice(0, 120));
  try {
    const parsed = parseModelName(name);
    if (illegalPart(parsed) === undefined && fullName(parsed) === name) return name;
  } catch {
    // Said below, in the words of a list.
  }
  throw refuse(`${shown} is not a full model name, host/namespace/model:tag`);
}
