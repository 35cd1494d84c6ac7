import type { ReadFor } from '../files/index.ts';
import { typedCommand } from '../findings/index.ts';
import {
  type Digest,
  fullName,
  illegalPart,
  type JsonProblem,
  type Manifest,
  type ModelName,
  nameFromPath,
  shortName,
} from '../oci/index.ts';
import {
  type ManifestFile,
  mentionLimit,
  type OllamaStore,
  type Report,
  readManifests,
} from '../store/index.ts';
import { ModelRecord } from './model-records.ts';
import { repairCommand } from './repair-command.ts';

/** A model, and what its manifest names; `mentions` are digests seen in the text of a refused manifest. */
export interface GatheredModel {
  readonly record: ModelRecord;
  readonly manifest: Manifest | undefined;
  readonly mentions: readonly Digest[];
}

export interface Gathered {
  readonly models: readonly GatheredModel[];
  /** What to report once it is known which models are asked for; none means that it concerns the store. */
  readonly facts: readonly {
    readonly models: readonly ModelRecord[];
    readonly report: (report: Report) => void;
  }[];
  /** False when something under `manifests/` could not be read: it may name blobs that seem to be orphans. */
  readonly complete: boolean;
}

/**
 * Reads every manifest and judges each: its name first (would Ollama see it?), then its content. Sorted by name.
 *
 * @param use `state` where something is started because the manifests are in the states that were read
 */
export async function gatherModels(
  store: OllamaStore,
  report: Report,
  signal: AbortSignal,
  use: ReadFor = 'bytes',
): Promise<Gathered> {
  const models: GatheredModel[] = [];
  const facts: Gathered['facts'][number][] = [];
  let complete = !store.isUnread('manifests');
  const told: Report = (fact) => {
    if (fact.rule === 'store-unreadable' || fact.rule === 'store-link-outside') complete = false;
    report(fact);
  };
  for await (const file of readManifests(store, told, signal, use)) {
    if (!isRead(file)) complete = false;
    const name = visibleName(file);
    if (name === undefined) {
      facts.push({ models: [], report: (to) => reportInvisible(file, store, to) });
      continue;
    }
    const model = gatherOne(name, file);
    models.push(model);
    if (model.manifest !== undefined) continue;
    facts.push({ models: [model.record], report: (to) => judgeContent(file, model.record, store, to) });
  }
  models.sort((a, b) => (a.record.full < b.record.full ? -1 : 1));
  for (const group of sameButForCase(models)) {
    facts.push({ models: group, report: (to) => reportCollision(group, to) });
  }
  return { models, facts, complete: complete && !signal.aborted };
}

/** Every digest that it names is known. */
const isRead = ({ content }: ManifestFile): boolean =>
  content.kind === 'read' && (content.reading.ok || content.mentions.length < mentionLimit);

const pathOf = (file: ManifestFile): string => `manifests/${file.parts.join('/')}`;

/** Ollama sees four levels that spell a legal name, and nothing else. */
function visibleName(file: ManifestFile): ModelName | undefined {
  const name = nameFromPath(file.parts);
  return name !== undefined && illegalPart(name) === undefined ? name : undefined;
}

function gatherOne(name: ModelName, { content }: ManifestFile): GatheredModel {
  const manifest = content.kind === 'read' && content.reading.ok ? content.reading.manifest : undefined;
  const sizes = new Map(
    manifest === undefined ? [] : [manifest.config, ...manifest.layers].map((d) => [d.digest, d.size]),
  );
  const manifestSize = content.kind === 'read' ? content.bytes : 0;
  const record = new ModelRecord({
    name,
    full: fullName(name),
    short: shortName(name),
    manifestDigest: content.kind === 'read' ? content.digest : undefined,
    manifestSize,
    idDigest: content.kind === 'read' ? content.idDigest : undefined,
    bytes: [...sizes.values()].reduce((sum, size) => sum + size, manifestSize),
    remoteStub: manifest?.remoteStub ?? false,
    config: manifest?.config.digest,
    manifestState: content.kind === 'read' ? content.state : undefined,
  });
  return { record, manifest, mentions: content.kind === 'read' ? content.mentions : [] };
}

function reportInvisible(file: ManifestFile, store: OllamaStore, report: Report): void {
  const path = pathOf(file);
  const name = nameFromPath(file.parts);
  const why =
    name === undefined
      ? `it lies ${file.parts.length} levels deep, not 4`
      : `its ${illegalPart(name)} is not one that Ollama accepts`;
  // The walk has told of a link that it did not follow; behind it may lie directories full of legal names.
  if (file.content.kind === 'unreadable' && file.content.remedy === 'told') return;
  report({ rule: 'name-illegal', path, message: `Ollama skips ${path}: ${why}` });
  if (name !== undefined) {
    report({
      rule: 'prune-disabled',
      path,
      message: `because of ${path} Ollama does not clean up at its start`,
    });
  }
  // Junk that other programs leave behind is no manifest; what looks like one is judged as one.
  const manifestLike = file.content.kind !== 'read' || file.content.looksLikeJson;
  if (manifestLike) judgeContent(file, undefined, store, report);
}

function judgeContent(
  file: ManifestFile,
  model: ModelRecord | undefined,
  store: OllamaStore,
  report: Report,
): void {
  const path = pathOf(file);
  const shown = model === undefined ? path : `the manifest of ${model.short}`;
  const hint = model === undefined ? undefined : typedCommand(['ollama', 'pull', model.short]);
  const common = { path, model: model?.full, hint };
  const { content } = file;
  if (content.kind === 'unreadable') {
    model?.mark('unchecked');
    if (content.remedy === 'told') return;
    const absolute = `${store.path}/${path}`;
    const names = model === undefined ? [] : [model.short];
    report({
      rule: 'manifest-unreadable',
      ...common,
      message: `${shown} cannot be read: ${content.problem}`,
      hint:
        content.remedy === 'remove' ? repairCommand(absolute, names) : typedCommand(['ls', '-l', absolute]),
    });
  } else if (content.kind === 'too-large') {
    const message = `${shown} has ${content.bytes} bytes; no manifest has more than 4 MiB, and it was not read`;
    report({ rule: 'manifest-too-large', ...common, message });
    model?.mark('altered');
  } else if (!content.reading.ok) {
    reportProblems(content.reading.problems, shown, { ...common, digest: content.digest }, report);
    model?.mark('altered');
  }
}

function reportProblems(
  problems: readonly JsonProblem[],
  shown: string,
  common: { path: string; model: string | undefined; digest: string; hint: string | undefined },
  report: Report,
): void {
  const broken = problems.some((problem) => problem.kind === 'broken');
  const why = problems.map((problem) => problem.detail).join('; ');
  if (broken) report({ rule: 'manifest-broken', ...common, message: `${shown} is no JSON: ${why}` });
  else
    report({ rule: 'manifest-ambiguous', ...common, message: `${shown} is ambiguous and refused: ${why}` });
}

function sameButForCase(models: readonly GatheredModel[]): ModelRecord[][] {
  const groups = new Map<string, ModelRecord[]>();
  for (const { record } of models) {
    const key = record.full.toLowerCase();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [record]);
    else group.push(record);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

function reportCollision(group: readonly ModelRecord[], report: Report): void {
  const names = group.map((record) => record.full);
  const shown = names.slice(0, 5).join(', ');
  report({
    rule: 'name-case-collision',
    model: names[0],
    message: `${names.length} models have names that differ in case only: ${shown}; Ollama takes one for the other`,
  });
}
