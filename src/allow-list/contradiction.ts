import { setImmediate } from 'node:timers/promises';
import {
  type Descriptor,
  type Digest,
  layerKind,
  type Manifest,
  parseManifest,
  parseModelName,
  shortDigest,
  shortName,
} from '../oci/index.ts';
import type { AllowList, ListedDescriptor, ListedModel } from './allow-list.ts';

/** A manifest whose bytes are at hand. */
export interface ManifestAtHand {
  /** Bytes. */
  readonly size: number;
  /** Undefined where two readers could read it differently. */
  readonly manifest: Manifest | undefined;
}

/** The first point in which a list says other than the manifest that it pins. */
export interface Difference {
  /** One clause, whose subject is the list. */
  readonly problem: string;
  /** What the layer is, where one is meant. */
  readonly layer?: string;
  readonly expected?: string;
  readonly actual?: string;
}

/** A listed model, by its full name, of whose manifest the list says what is not so. */
export interface Contradiction extends Difference {
  readonly name: string;
}

/** Models between two breaths of a process that serves meanwhile. */
const breath = 200;

/** The bytes of a manifest, read for a comparison. */
export function manifestAtHand(bytes: Uint8Array): ManifestAtHand {
  const reading = parseManifest(bytes);
  return { size: bytes.length, manifest: reading.ok ? reading.manifest : undefined };
}

/**
 * Compares all that a list says of a model with the manifest whose digest it pins: a model is what all of its lines
 * say, and a reviewer reads the layers.
 *
 * @returns undefined where they agree in every point: size, count, order, digests, sizes, media types, file names
 */
export function differenceFrom(
  model: ListedModel,
  { size, manifest }: ManifestAtHand,
): Difference | undefined {
  if (manifest === undefined) return { problem: 'two readers could read that manifest differently' };
  const pinned = model.manifest.size;
  if (pinned !== size) {
    const problem = `it gives the manifest ${pinned} bytes, and the manifest has ${size}`;
    return { problem, expected: `${pinned}`, actual: `${size}` };
  }
  const count = model.layers.length;
  if (count === manifest.layers.length) return firstDifference(model, manifest);
  return firstDifference(model, manifest) ?? countDifference(count, manifest.layers.length);
}

const countDifference = (listed: number, named: number): Difference => ({
  problem: `it lists ${listed} layers, and the manifest names ${named}`,
  expected: `${listed}`,
  actual: `${named}`,
});

function firstDifference(model: ListedModel, { config, layers }: Manifest): Difference | undefined {
  const first = differenceOf('config', model.config, config);
  if (first !== undefined) return first;
  for (const [at, listed] of model.layers.entries()) {
    const named = layers[at];
    const difference = named && differenceOf(layerKind(listed.mediaType), listed, named);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function differenceOf(layer: string, listed: ListedDescriptor, named: Descriptor): Difference | undefined {
  const found = (problem: string, expected?: string, actual?: string): Difference => ({
    ...{ problem, layer },
    ...(expected === undefined || actual === undefined ? {} : { expected, actual }),
  });
  if (listed.digest !== named.digest) {
    const [one, other] = [shortDigest(listed.digest), shortDigest(named.digest)];
    const problem = `it lists the ${layer} ${one}, and the manifest names the ${named.kind} ${other} there`;
    return found(problem, listed.digest, named.digest);
  }
  if (listed.size !== named.size) {
    const problem = `it gives the ${layer} ${listed.size} bytes, and the manifest gives it ${named.size}`;
    return found(problem, `${listed.size}`, `${named.size}`);
  }
  if (listed.mediaType !== named.mediaType)
    return found(`it gives the ${layer} another media type than the manifest`);
  return listed.name === named.name
    ? undefined
    : found(`it gives the ${layer} another file name than the manifest`);
}

/** One clause for a person: what is wrong with a list in which there are these contradictions, of which there is one. */
export function contradictionClause([first, ...more]: readonly Contradiction[]): string {
  const name = first === undefined ? '' : shortName(parseModelName(first.name));
  const rest = more.length === 0 ? '' : ` (and of ${more.length} more)`;
  return `it contradicts the manifest that it pins for ${name}: ${first?.problem}${rest}`;
}

export interface Compared {
  readonly contradictions: readonly Contradiction[];
  /** Full names of models whose manifest is not at hand. */
  readonly unseen: readonly string[];
}

/**
 * Compares a list with every manifest that is at hand.
 *
 * @param atHand the manifest with this digest, or undefined where its bytes are not here
 */
export async function compareWithManifests(
  { models }: Pick<AllowList, 'models'>,
  atHand: (digest: Digest) => ManifestAtHand | undefined | Promise<ManifestAtHand | undefined>,
): Promise<Compared> {
  const contradictions: Contradiction[] = [];
  const unseen: string[] = [];
  let count = 0;
  for (const [name, model] of models) {
    count += 1;
    if (count % breath === 0) await setImmediate();
    const found = await atHand(model.manifest.digest);
    if (found === undefined) unseen.push(name);
    const difference = found && differenceFrom(model, found);
    if (difference !== undefined) contradictions.push({ name, ...difference });
  }
  return { contradictions, unseen };
}
