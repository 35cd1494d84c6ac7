import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import {
  type Digest,
  digestFromBytes,
  fullName,
  isDigest,
  type ModelName,
  manifestMediaTypes,
  manifestSizeLimit,
  parseModelName,
  readStrictJson,
} from '../oci/index.ts';
import { blobName, digestInName, type EntryKind, entryKind, kindOrder } from './entry-names.ts';
import { layoutFiles } from './layout-files.ts';

const indexSchema = 'urn:verify-models:archive:v1';

/** Largest index that is read, and the most files it may name: a list of 5,000 models has some 40,000. */
export const indexSizeLimit = 32 * 1024 * 1024;
export const entryLimit = 100_000;

/** Largest of the files that are read whole: lists, tables, layouts, bills of materials. */
export const smallFileLimit = 64 * 1024 * 1024;

/** Largest tool: it is received before anything was judged. */
export const toolSizeLimit = 512 * 1024 * 1024;

/** One file of an archive. */
export interface ArchiveEntry {
  readonly name: string;
  readonly kind: EntryKind;
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
}

export interface ArchiveModel {
  readonly name: ModelName;
  readonly mediaType: string;
  /** SHA-256 of the exact manifest bytes, which are a blob of the archive. */
  readonly digest: Digest;
}

/** A blob that a model names and that the archive leaves out: the other side has it. */
export interface LeftOut {
  readonly digest: Digest;
  readonly size: number;
}

/** The first file of an archive: everything that follows, in order. Its SHA-256 is the archive's id. */
export interface ArchiveIndex {
  readonly models: readonly ArchiveModel[];
  /** The allow-list in the archive, for people. */
  readonly list: { readonly listId: string; readonly version: number; readonly digest: Digest } | undefined;
  /** What the other side is taken to have: the archive, or the list, with this digest. */
  readonly since: Digest | undefined;
  readonly leftOut: readonly LeftOut[];
  readonly entries: readonly ArchiveEntry[];
}

export const sha256 = (bytes: Uint8Array): Digest =>
  digestFromBytes(createHash('sha256').update(bytes).digest());

/** The bytes of an index: the same for the same archive, one file a line. */
export function writeIndex({ models, list, since, leftOut, entries }: ArchiveIndex): Buffer {
  const lines = (values: readonly unknown[]) =>
    values.length === 0
      ? '[]'
      : `[\n    ${values.map((value) => JSON.stringify(value)).join(',\n    ')}\n  ]`;
  const modelLines = models.map(({ name, mediaType, digest }) => ({
    name: fullName(name),
    mediaType,
    digest,
  }));
  const text = [
    '{',
    `  "schema": ${JSON.stringify(indexSchema)},`,
    `  "models": ${lines(modelLines)},`,
    ...(list === undefined ? [] : [`  "list": ${JSON.stringify(list)},`]),
    ...(since === undefined ? [] : [`  "since": ${JSON.stringify(since)},`]),
    `  "leftOut": ${lines(leftOut.map(({ digest, size }) => ({ digest, size })))},`,
    `  "entries": ${lines(entries.map(({ name, size, digest }) => ({ name, size, digest })))}`,
    '}',
    '',
  ].join('\n');
  return Buffer.from(text);
}

const digest = z.string().check(z.refine((text) => isDigest(text), { error: 'is no digest' }));
const size = z.int().check(z.minimum(0));
const schema = z.strictObject({
  schema: z.literal(indexSchema),
  models: z.array(
    z.strictObject({
      name: z.string().check(z.maxLength(700)),
      mediaType: z.enum(manifestMediaTypes),
      digest,
    }),
  ),
  list: z.optional(
    z.strictObject({
      listId: z.string().check(z.minLength(1), z.maxLength(128)),
      version: z.int().check(z.minimum(1)),
      digest,
    }),
  ),
  since: z.optional(digest),
  leftOut: z.array(z.strictObject({ digest, size })),
  entries: z.array(z.strictObject({ name: z.string().check(z.maxLength(100)), size, digest })),
});

const rules = {
  maxDepth: 5,
  maxValues: entryLimit * 10,
  knownKeys: new Set([
    ...['schema', 'models', 'name', 'mediaType', 'digest', 'list', 'listId', 'version'],
    ...['since', 'leftOut', 'entries', 'size'],
  ]),
  integerKeys: new Set(['version', 'size']),
};

/**
 * Turns the bytes of an index into a value, strictly: names of the grammar alone, each once, in the order of kinds, with
 * sizes that the kind allows; every model's manifest is there, the layout names the same models, and a digest has one
 * size.
 *
 * @throws KnownError ARCHIVE_MALFORMED
 */
export function parseIndex(bytes: Uint8Array): ArchiveIndex {
  const json = readStrictJson(bytes, rules);
  if (!json.ok) throw refuse(json.problems[0]?.detail ?? 'it is no JSON');
  const parsed = schema.safeParse(json.value);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join('.').slice(0, 80);
    throw refuse(`${where || 'it'} is not what the schema asks for`);
  }
  const { models, list, since, leftOut, entries } = parsed.data;
  if (entries.length > entryLimit) throw refuse(`it names ${entries.length} files, more than ${entryLimit}`);
  const index: ArchiveIndex = {
    models: models.map(({ name, ...rest }) => ({ ...rest, name: nameOf(name), digest: sure(rest.digest) })),
    list: list && { ...list, digest: sure(list.digest) },
    since: since === undefined ? undefined : sure(since),
    leftOut: leftOut.map((one) => ({ ...one, digest: sure(one.digest) })),
    entries: entries.map((entry) => ({ ...entry, digest: sure(entry.digest), kind: kindOf(entry.name) })),
  };
  checkEntries(index);
  checkModels(index);
  checkNamed(index);
  return index;
}

const refuse = (problem: string, cause?: unknown) =>
  new KnownError('ARCHIVE_MALFORMED', { where: 'its index', problem }, cause);

const sure = (text: string): Digest => text as Digest;

function kindOf(name: string): EntryKind {
  const kind = entryKind(name);
  if (kind === undefined) throw refuse(`no archive has a file called ${JSON.stringify(name.slice(0, 80))}`);
  return kind;
}

/** Names are written in full: two spellings of one model would be two models. */
function nameOf(text: string): ModelName {
  try {
    const name = parseModelName(text);
    if (fullName(name) === text) return name;
  } catch (error) {
    throw refuse(`${JSON.stringify(text.slice(0, 80))} is no name of a model`, error);
  }
  throw refuse(`${JSON.stringify(text.slice(0, 80))} is not written in full`);
}

function checkEntries({ entries, leftOut }: ArchiveIndex): void {
  const seen = new Set<string>();
  let total = 0;
  let reached = 0;
  for (const { name, kind, size: bytes, digest: named } of entries) {
    if (seen.has(name)) throw refuse(`it names ${name} twice`);
    seen.add(name);
    const place = kindOrder.indexOf(kind);
    if (place < reached) throw refuse(`${name} stands in the wrong place`);
    reached = place;
    if (['table', 'blob'].includes(kind) && digestInName(name) !== named)
      throw refuse(`${name} has another digest than its name says`);
    const limit = kind === 'tool' ? toolSizeLimit : smallFileLimit;
    if (kind !== 'blob' && bytes > limit) throw refuse(`${name} has ${bytes} bytes, more than ${limit}`);
    total += bytes;
  }
  if (!Number.isSafeInteger(total)) throw refuse('it is larger than any disk');
  for (const { digest: named } of leftOut) {
    const name = blobName(named);
    if (seen.has(name)) throw refuse(`${name} is there and left out at once`);
    seen.add(name);
  }
}

/** The manifests come first among the blobs, in the order of the models, so that each later blob is known to be wanted. */
function checkModels({ models, entries }: ArchiveIndex): void {
  const folded = new Set<string>();
  const manifests = new Set<Digest>();
  for (const { name, digest: manifest } of models) {
    const key = fullName(name).toLowerCase();
    if (folded.has(key)) throw refuse(`it has ${fullName(name)} twice`);
    folded.add(key);
    manifests.add(manifest);
  }
  const blobs = entries.filter(({ kind }) => kind === 'blob');
  for (const [at, wanted] of [...manifests].entries()) {
    const found = blobs[at];
    if (found?.digest !== wanted) throw refuse(`the manifest ${wanted} is not in its place`);
    if (found.size > manifestSizeLimit) throw refuse(`the manifest ${wanted} has ${found.size} bytes`);
  }
}

/** What the index says of its models and its list is what the files say that other tools read. */
function checkNamed({ models, list, entries }: ArchiveIndex): void {
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const sizeOf = (manifest: Digest) => byName.get(blobName(manifest))?.size ?? 0;
  for (const { name, bytes } of layoutFiles(
    models.map((model) => ({ ...model, size: sizeOf(model.digest) })),
  ))
    if (byName.get(name)?.digest !== sha256(bytes)) throw refuse(`${name} is not that of its models`);
  if (byName.get('allow-list.json')?.digest !== list?.digest)
    throw refuse('the list that it speaks of is not the one that it has');
}
