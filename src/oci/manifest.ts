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
}

/** An OCI image manifest (image-spec, manifest.md) or its Docker v2 twin, as Ollama stores one a tag. */
export interface Manifest {
  readonly mediaType: string;
  /** Absent only where `remoteStub` holds. */
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** `layers` is null: a model whose answers come from another host; its config must name it. */
  readonly remoteStub: boolean;
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

/** Keys beside Ollama's own are those of the OCI manifest; any other could mean something to a later reader. */
const manifestSchema = z.strictObject({
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.enum(manifestMediaTypes)),
  config: descriptor,
  layers: z.nullable(z.array(descriptor)),
  annotations: z.optional(z.record(z.string(), z.string())),
  artifactType: z.optional(z.string()),
  subject: z.optional(descriptor),
});

const rules = {
  maxDepth: 32,
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
  if (!parsed.success) return { ok: false, problems: schemaProblems(parsed.error) };
  const { config, layers, mediaType } = parsed.data;
  if (layers !== null && layers.length === 0) {
    return {
      ok: false,
      problems: [{ kind: 'ambiguous', detail: '"layers" is empty: a model without any content' }],
    };
  }
  const manifest = {
    mediaType: mediaType ?? manifestMediaTypes[0],
    config: {
      mediaType: config.mediaType,
      digest: config.digest,
      size: config.size,
      kind: 'config' as const,
    },
    layers: (layers ?? []).map((layer) => ({
      mediaType: layer.mediaType,
      digest: layer.digest,
      size: layer.size,
      kind: layerKind(layer.mediaType),
    })),
    remoteStub: layers === null,
  };
  return { ok: true, manifest };
}

function schemaProblems(error: z.core.$ZodError): JsonProblem[] {
  return error.issues.slice(0, 8).map((issue) => {
    const where =
      issue.path.length === 0 ? 'the manifest' : `"${issue.path.map(String).join('.').slice(0, 80)}"`;
    const detail =
      issue.code === 'unrecognized_keys'
        ? `it has the unknown key ${JSON.stringify(String(issue.keys[0]).slice(0, 40))}`
        : `${where} ${issue.code === 'custom' ? issue.message : `is not what the schema asks for (${issue.code})`}`;
    return { kind: 'ambiguous' as const, detail };
  });
}
