import type { ChunkTable } from '../hash/index.ts';
import { type Descriptor, type Digest, fullName, type ModelName } from '../oci/index.ts';
import type { Upstream } from '../upstream/index.ts';
import type { ManifestAnswer } from './answers.ts';
import { contradictionSentence, type Decision, movedSentence, sizeSentence } from './decide-model.ts';
import type { FailureMemory } from './failure-memory.ts';
import { type CheckedManifest, checkManifest, listedManifest } from './manifest-source.ts';
import type { Records } from './records.ts';
import type { Route } from './routes.ts';

/** A decision by which a model may be fetched. */
export type Allowed = Exclude<Decision, { kind: 'refused' }>;

/** What is to be brought here: all that the outcome depends on, so that nobody shares what came of another question. */
export interface ArrivalQuestion {
  /** Spelled as upstream is asked for it. */
  readonly name: ModelName;
  readonly route: Route<Upstream>;
  readonly decision: Allowed;
}

export interface QuestionEffects {
  readonly records: Records;
  readonly contact: string;
  readonly signal: AbortSignal;
}

/** A listed model is what its list says, wherever it was asked for; any other one is what this upstream has under this spelling. */
export function keyOf({ name, route, decision }: ArrivalQuestion): string {
  const what = decision.kind === 'listed' ? decision.model.manifest.digest : 'observed';
  return `${what} ${route.host} ${fullName(name)}`;
}

/** The chunk table that a list has of a blob. */
export function listedTable(decision: Allowed, digest: Digest): ChunkTable | undefined {
  if (decision.kind !== 'listed') return undefined;
  const { approved, model } = decision;
  const entry = [model.config, ...model.layers].find((one) => one.digest === digest);
  const table = entry === undefined ? 'none' : approved.companions.table(entry);
  return typeof table === 'string' ? undefined : table;
}

/** @throws KnownError MANIFEST_REFUSED, and what upstream says */
export async function manifestOf(
  question: ArrivalQuestion,
  { records, signal, contact, moved }: QuestionEffects & { readonly moved: FailureMemory<string> },
): Promise<CheckedManifest | ManifestAnswer> {
  const { name, route, decision } = question;
  const fromUpstream = () => route.upstream.manifest(`${name.namespace}/${name.model}`, name.tag, signal);
  // The tag of an admitted model does not move: what is missing of it is fetched again, and nothing else.
  if (decision.kind !== 'listed')
    return checkManifest(name, (await records.find(name))?.bytes ?? (await fromUpstream()));
  const wanted = decision.model.manifest.digest;
  const known = moved.recall(keyOf(question));
  if (known !== undefined) return { kind: 'refused', sentence: known.what };
  const found = await listedManifest(name, wanted, {
    approved: decision.approved,
    admitted: async (digest) => (await records.byDigest(digest))?.bytes,
    upstream: fromUpstream,
  });
  if (found.kind === 'moved') {
    await records.moved(name, wanted, found.found);
    const sentence = movedSentence(name, decision.model, found.found, contact);
    moved.keep(keyOf(question), sentence);
    return { kind: 'refused', sentence };
  }
  const lie = contradictionSentence(name, decision, found.checked.bytes, contact);
  if (lie === undefined) return found.checked;
  await records.refused(name, lie, false);
  return { kind: 'refused', sentence: lie };
}

/** A blob that was verified has its size for good: a manifest that gives it another one is refused before it is fetched. */
export async function contradictionOf(
  { name }: ArrivalQuestion,
  wanted: readonly Descriptor[],
  { records, contact }: QuestionEffects,
): Promise<Extract<ManifestAnswer, { kind: 'refused' }> | undefined> {
  for (const blob of wanted) {
    const size = await records.blobSize(blob.digest);
    if (size === undefined || size === blob.size) continue;
    const sentence = sizeSentence(name, blob, size, contact);
    await records.refused(name, sentence, false);
    return { kind: 'refused', sentence };
  }
  return undefined;
}
