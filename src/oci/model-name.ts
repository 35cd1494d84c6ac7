import { KnownError } from '../errors/index.ts';

/**
 * A model's full name, `host/namespace/model:tag`. Limits and alphabets are those of Ollama's own parser
 * (types/model/name.go): host 1 to 350 bytes, the other parts 1 to 80.
 */
export interface ModelName {
  readonly host: string;
  readonly namespace: string;
  readonly model: string;
  readonly tag: string;
}

export const defaultHost = 'registry.ollama.ai';
export const defaultNamespace = 'library';
export const defaultTag = 'latest';

const grammar = {
  host: /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}$/,
  namespace: /^[A-Za-z0-9_][A-Za-z0-9_-]{0,79}$/,
  model: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/,
  tag: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/,
} as const;

const partNames = ['host', 'namespace', 'model', 'tag'] as const;

/** Which part of a name Ollama would not accept, or undefined when all four are fine. */
export function illegalPart(name: ModelName): (typeof partNames)[number] | undefined {
  return partNames.find((part) => !grammar[part].test(name[part]));
}

/** The name that the four levels of a manifest's path spell, without judging it. */
export function nameFromPath(parts: readonly string[]): ModelName | undefined {
  const [host, namespace, model, tag, extra] = parts;
  if (host === undefined || namespace === undefined || model === undefined || tag === undefined)
    return undefined;
  return extra === undefined ? { host, namespace, model, tag } : undefined;
}

/** `host/namespace/model:tag`, as machine formats print it. */
export const fullName = (n: ModelName): string => `${n.host}/${n.namespace}/${n.model}:${n.tag}`;

/**
 * The one form in which a mirror compares names: Ollama asks for a name in any case, so that all spellings of it are one
 * name. The alphabet of names is ASCII.
 */
export const normalName = ({ host, namespace, model, tag }: ModelName): ModelName => ({
  host: host.toLowerCase(),
  namespace: namespace.toLowerCase(),
  model: model.toLowerCase(),
  tag: tag.toLowerCase(),
});

/** That form as one text: the key under which anything is kept that belongs to a name. */
export const nameKey = (name: ModelName): string => fullName(name).toLowerCase();

const alike = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/**
 * As `ollama list` shows it: the default host and the default namespace are left out, whatever their case, the tag
 * never.
 */
export function shortName(n: ModelName): string {
  if (!alike(n.host, defaultHost)) return fullName(n);
  return alike(n.namespace, defaultNamespace) ? `${n.model}:${n.tag}` : `${n.namespace}/${n.model}:${n.tag}`;
}

/**
 * A name as a person types it. One part is a model, two are namespace/model (never a host), three are
 * host/namespace/model; the tag follows the last colon after the last slash.
 *
 * @throws KnownError MODEL_MALFORMED
 */
export function parseModelName(text: string): ModelName {
  const refuse = (problem: string) =>
    new KnownError('MODEL_MALFORMED', { name: text.slice(0, 120), problem });
  if (text.length > 700) throw refuse(`${text.length} characters are too many`);
  const slash = text.lastIndexOf('/');
  const colon = text.lastIndexOf(':');
  const tagged = colon > slash;
  const path = (tagged ? text.slice(0, colon) : text).split('/');
  if (path.length > 3) throw refuse('it has more than three parts');
  const [model = '', namespace = defaultNamespace, host = defaultHost] = path.reverse();
  const name = { host, namespace, model, tag: tagged ? text.slice(colon + 1) : defaultTag };
  const part = illegalPart(name);
  if (part !== undefined)
    throw refuse(`its ${part} is empty, too long or has a character that is not allowed`);
  return name;
}
