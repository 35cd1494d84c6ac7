import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeGguf } from '../fixtures/gguf.ts';
import type { OllamaServer } from './ollama-server.ts';

/**
 * The sample GGUF, its tensor named as one of a vision part (same length). `ollama create` keeps a file with such a
 * tensor as it is; any other it sends through llama-quantize, which is not on every machine.
 */
export function keptGguf(): Buffer {
  const gguf = makeGguf();
  const at = gguf.indexOf('token_embd.weight');
  assert.notEqual(at, -1);
  gguf.write('v.patch_em.weight', at);
  return gguf;
}

export interface ModelWords {
  readonly system?: string;
  readonly license?: string;
  /** The name of the weights file; `ollama create` writes it into the manifest. */
  readonly file?: string;
}

/** A model made by the real client, with every kind of layer that a Modelfile can ask for. */
export async function createModel(
  server: OllamaServer,
  name: string,
  {
    system = `You answer for ${name}.`,
    license = `Licence of ${name}.`,
    file = 'sample.gguf',
  }: ModelWords = {},
): Promise<void> {
  writeFileSync(join(server.folder, file), keptGguf());
  const lines = [
    `FROM ./${file}`,
    'TEMPLATE """{{ if .System }}<|system|>{{ .System }}{{ end }}<|user|>{{ .Prompt }}"""',
    `SYSTEM """${system}"""`,
    'PARAMETER temperature 0.5',
    'PARAMETER stop "<|user|>"',
    `LICENSE """${license}"""`,
    'MESSAGE user Who are you?',
    `MESSAGE assistant I am ${name}.`,
  ];
  writeFileSync(join(server.folder, 'Modelfile'), `${lines.join('\n')}\n`);
  const { status, output } = await server.ollama('create', name, '-f', 'Modelfile');
  assert.equal(status, 0, output);
}
