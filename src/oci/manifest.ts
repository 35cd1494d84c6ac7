import * as z from 'zod/mini';
import { type Digest, isDigest } from './digest.ts';
import { type LayerKind, layerKind, manifestMediaTypes } from './media-types.ts';
import { type JsonProblem, readStrictJson } from './strict-json.ts';

/** OCI distribution spec, "Pushing manifests": registries take manifests of up to 4 MiB at least; we read no more. */
export const manifestSizeLimit = 4 * 1024 * 1024;

/** OCI image spec, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly kind: LayerKind;
  /** The file a tensor layer stands for; other layers have none. */
  readonly name?: string;
}

/** An OCI image manifest (image-spec, manifest.md) or its Docker v2 twin, as Ollama stores one a tag. */
export interface Manifest {
  readonly mediaType: string;
  /** Absent only where `remoteStub` holds. */
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** `layers` is null: a model whose answers come from another host; its config must name it. */
  readonly remoteStub: boolean;
  /** Its top-level keys are exactly schemaVersion, mediaType, config and layers: what every Ollama writes. */
  readonly plainKeys: boolean;
}

export type ManifestReading =
  | { readonly ok: true; readonly manifest: Manifest }
  | { readonly ok: false; readonly problems: readonly JsonProblem[] };

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), {
  error: 'is not sha256: and 64 lower-case hexadecimal digits',
});

const descriptor = z.looseObject({
  mediaType: z.string().check(z.maxLength(255)),
  digest,
  size: z.int().check(z.minimum(0)),
  from: z.optional(z.string()),
  name: z.optional(z.string()),
});

/** One issue for the whole map: a hostile one may hold more bad entries than anybody wants to hear of. */
const annotations = z.custom<Record<string, string>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((entry) => typeof entry === 'string'),
  { error: 'is not a map of texts' },
);

/**
 * Keys beside Ollama's own are those of the OCI manifest; any other could mean something to a later reader. Layers
 * are judged one by one afterwards, and only until enough of them are bad.
 */
const manifestSchema = z.strictObject({
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.enum(manifestMediaTypes)),
  config: descriptor,
  layers: z.nullable(z.array(z.unknown())),
  annotations: z.optional(annotations),
  artifactType: z.optional(z.string()),
  subject: z.optional(descriptor),
});

const rules = {
  maxDepth: 32,
  // The shortest layers that could be valid give a manifest of 4 MiB some 150,000 values.
  maxValues: 250_000,
  knownKeys: new Set([
    ...[
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'annotations',
      'artifactType',
      'subject',
      'manifests',
    ],
    ...['digest', 'size', 'from', 'name', 'urls', 'data', 'platform'],
  ]),
  integerKeys: new Set(['schemaVersion', 'size']),
};

/** Turns the bytes of a manifest into a value, or says why nobody should; never throws. */
export function parseManifest(bytes: Uint8Array): ManifestReading {
  const json = readStrictJson(bytes, rules);
  if (!json.ok) return json;
  const parsed = manifestSchema.safeParse(json.value);
  if (!parsed.success) return { ok: false, problems: schemaProblems(parsed.error, []) };
  const { config, layers, mediaType } = parsed.data;
  if (layers !== null && layers.length === 0) {
    return {
      ok: false,
      problems: [{ kind: 'ambiguous', detail: '"layers" is empty: a model without any content' }],
    };
  }
  const read = readLayers(layers ?? []);
  if (!read.ok) return read;
  const manifest = {
    mediaType: mediaType ?? manifestMediaTypes[0],
    config: descriptorOf(config, 'config'),
    layers: read.layers,
    remoteStub: layers === null,
    plainKeys: Object.keys(parsed.data).every((key) => plainKeys.has(key)) && mediaType !== undefined,
  };
  return { ok: true, manifest };
}

const plainKeys: ReadonlySet<string> = new Set(['schemaVersion', 'mediaType', 'config', 'layers']);

const problemLimit = 8;

type LayersReading =
  | { readonly ok: true; readonly layers: readonly Descriptor[] }
  | { readonly ok: false; readonly problems: readonly JsonProblem[] };

function readLayers(values: readonly unknown[]): LayersReading {
  const layers: Descriptor[] = [];
  const problems: JsonProblem[] = [];
  for (const [at, value] of values.entries()) {
    const parsed = descriptor.safeParse(value);
    if (parsed.success) layers.push(descriptorOf(parsed.data, layerKind(parsed.data.mediaType)));
    else problems.push(...schemaProblems(parsed.error, ['layers', at]));
    if (problems.length >= problemLimit) break;
  }
  return problems.length === 0
    ? { ok: true, layers }
    : { ok: false, problems: problems.slice(0, problemLimit) };
}

function descriptorOf(
  { mediaType, digest, size, name }: z.infer<typeof descriptor>,
  kind: LayerKind,
): Descriptor {
  return { mediaType, digest, size, kind, ...(name === undefined ? {} : { name }) };
}

function schemaProblems(error: z.core.$ZodError, above: readonly PropertyKey[]): JsonProblem[] {
  return error.issues.slice(0, problemLimit).map((issue) => {
    const path = [...above, ...issue.path].map(String).join('.');
    const where = path === '' ? 'the manifest' : `"${path.slice(0, 80)}"`;
    const detail =
      issue.code === 'unrecognized_keys'
        ? `it has the unknown key ${JSON.stringify(String(issue.keys[0]).slice(0, 40))}`
        : `${where} ${issue.code === 'custom' ? issue.message : `is not what the schema asks for (${issue.code})`}`;
    return { kind: 'ambiguous' as const, detail };
  });
}
