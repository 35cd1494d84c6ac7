import * as z from 'zod/mini';
import { type JsonProblem, readStrictJson } from './strict-json.ts';

/** Largest config blob that is read for its content; real ones have a few hundred bytes. */
export const configSizeLimit = 1024 * 1024;

/** What this product takes from a model's config blob (Ollama: types/model/config.go). Every field is the publisher's word. */
export interface ModelConfig {
  readonly format: string;
  readonly family: string;
  /** Parameter count as the publisher writes it, for example `3.2B`. */
  readonly parameters: string;
  /** For example `Q4_K_M`. */
  readonly quantisation: string;
  /** Prompts to this model are sent to this host. */
  readonly remoteHost: string | undefined;
  readonly remoteModel: string | undefined;
}

export type ConfigReading =
  | { readonly ok: true; readonly config: ModelConfig }
  | { readonly ok: false; readonly problems: readonly JsonProblem[] };

const text = z.optional(z.nullable(z.string()));

const schema = z.looseObject({
  model_format: text,
  model_family: text,
  model_type: text,
  file_type: text,
  remote_host: text,
  remote_model: text,
});

const rules = {
  maxDepth: 64,
  maxValues: 100_000,
  knownKeys: new Set([
    ...[
      'model_format',
      'model_family',
      'model_families',
      'model_type',
      'file_type',
      'remote_host',
      'remote_model',
    ],
    ...[
      'renderer',
      'parser',
      'requires',
      'capabilities',
      'context_length',
      'embedding_length',
      'base_name',
      'draft',
    ],
  ]),
  integerKeys: new Set(['context_length', 'embedding_length']),
};

/** Turns a config blob into a value, or says why nobody should; never throws. */
export function parseModelConfig(bytes: Uint8Array): ConfigReading {
  const json = readStrictJson(bytes, rules);
  if (!json.ok) return json;
  const parsed = schema.safeParse(json.value);
  if (!parsed.success) {
    const key = parsed.error.issues[0]?.path[0];
    const detail = key === undefined ? 'the config is not an object' : `"${String(key)}" is not a text`;
    return { ok: false, problems: [{ kind: 'ambiguous', detail }] };
  }
  const config = parsed.data;
  return {
    ok: true,
    config: {
      format: config.model_format ?? '',
      family: config.model_family ?? '',
      parameters: config.model_type ?? '',
      quantisation: config.file_type ?? '',
      remoteHost: config.remote_host || undefined,
      remoteModel: config.remote_model || undefined,
    },
  };
}
