/** Manifest types that an Ollama store may hold. An absent type is taken as the first, as Ollama does. */
export const manifestMediaTypes = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
] as const;

/** What a layer is, in the words of this product. */
export type LayerKind =
  | 'weights'
  | 'template'
  | 'system'
  | 'params'
  | 'license'
  | 'adapter'
  | 'projector'
  | 'messages'
  | 'draft'
  | 'config'
  | 'embeddings'
  | 'tensor'
  | 'json'
  | 'layer';

const ollamaKinds: Readonly<Record<string, LayerKind>> = {
  model: 'weights',
  template: 'template',
  prompt: 'template',
  system: 'system',
  params: 'params',
  license: 'license',
  adapter: 'adapter',
  projector: 'projector',
  messages: 'messages',
  draft: 'draft',
  embed: 'embeddings',
  tensor: 'tensor',
  json: 'json',
};

const ollamaPrefix = 'application/vnd.ollama.image.';

/** The kind of layer a media type names; parameters after `;` do not count, an unknown type is a plain `layer`. */
export function layerKind(mediaType: string): LayerKind {
  const type = mediaType.split(';', 1)[0] ?? '';
  if (!type.startsWith(ollamaPrefix)) return 'layer';
  const kind = type.slice(ollamaPrefix.length);
  return Object.hasOwn(ollamaKinds, kind) ? (ollamaKinds[kind] ?? 'layer') : 'layer';
}
