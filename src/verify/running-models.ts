import type { FileIdentity } from '../files/index.ts';
import type { Fact } from '../findings/index.ts';
import { type Digest, fullName, type LayerKind, layerKind, parseModelName } from '../oci/index.ts';
import { printable } from '../report/index.ts';
import type { LoadedModel, OpenBlob, OpenBlobs } from '../running/index.ts';
import type { BlobIndex, Report } from '../store/index.ts';
import type { GatheredModel } from './gather-models.ts';
import type { Inventory } from './inventory.ts';
import { ProvenFiles } from './proven-files.ts';

/** How the running server is looked at. */
export interface RunningRequest {
  /** @throws KnownError OLLAMA_UNREACHABLE */
  readonly loaded: () => Promise<readonly LoadedModel[]>;
  readonly open: () => OpenBlobs;
}

/** A process that started less than this after the last change of a file may have read it before: its start is known to a second. */
const startToleranceMs = 2000;

/** `check --running`: what Ollama has loaded, held against the files that this run proved. */
export class RunningModels {
  readonly #request: RunningRequest;
  #proven = new ProvenFiles(0);

  constructor(request: RunningRequest) {
    this.#request = request;
  }

  /** Whether there is somebody to ask is found out before hours of hashing. */
  async begin(blobs: number): Promise<void> {
    await this.#request.loaded();
    this.#proven = new ProvenFiles(blobs);
  }

  /** In which state a blob was proven: read in this run, or taken from a seal. */
  keep(index: BlobIndex, identity: FileIdentity): void {
    this.#proven.set(index, identity, undefined, 1);
  }

  async judge(models: readonly GatheredModel[], inventory: Inventory, report: Report): Promise<void> {
    const loaded = await this.#request.loaded();
    const open = this.#request.open();
    const known = new Map(models.map((model) => [model.record.full.toLowerCase(), model]));
    if (loaded.length === 0) report({ rule: 'running-verified', message: 'Ollama has no model loaded' });
    for (const one of loaded) {
      const model = known.get(nameOf(one.name) ?? '');
      if (model === undefined) {
        const message = `${printable(one.name)} is loaded, and it is no model of this check`;
        report({ rule: 'running-unseen', message });
      } else this.#judgeModel(one, model, open, inventory, report);
    }
  }

  #judgeModel(
    one: LoadedModel,
    { record, manifest }: GatheredModel,
    open: OpenBlobs,
    inventory: Inventory,
    report: Report,
  ): void {
    const model = record.full;
    if (record.idDigest !== undefined && !record.idDigest.endsWith(one.id)) {
      report({
        rule: 'running-altered',
        model,
        expected: record.idDigest,
        actual: `sha256:${one.id}`,
        message: `${record.short} was loaded by another manifest than the one that lies in the store now`,
        hint: stop(record.short),
      });
    } else if (manifest === undefined) {
      const message = `${record.short} is loaded, and its manifest could not be read`;
      report({ rule: 'running-unseen', model, message });
    } else {
      const layers = manifest.layers.map(({ digest, mediaType }) => {
        const { index } = inventory.references.get(digest) ?? {};
        const proven = index === undefined ? undefined : this.#proven.get(index)?.identity;
        const uses = open.blobs.filter((use) => use.digest === digest);
        const seen = proven === undefined ? [] : uses.filter((use) => isFrom(use, proven));
        return { kind: layerKind(mediaType), digest, proven, uses, seen };
      });
      report({ ...judgeLayers(record.short, layers, open), model });
    }
  }
}

/** A layer of a loaded model, and who uses it. */
interface UsedLayer {
  readonly kind: LayerKind;
  readonly digest: Digest;
  /** In which state it was proven; undefined where it was not. */
  readonly proven: FileIdentity | undefined;
  readonly uses: readonly OpenBlob[];
  /** Those of the uses that are of the file as it was proven. */
  readonly seen: readonly OpenBlob[];
}

/** One fact of a model: a layer that is another file, else one that was not seen, else who has what was verified. */
function judgeLayers(name: string, layers: readonly UsedLayer[], open: OpenBlobs): Fact {
  for (const { kind, digest, proven, uses } of layers) {
    const other = proven && uses.find((use) => isAnother(use, proven));
    if (other === undefined) continue;
    const [what, why] = another[other.how];
    return {
      rule: 'running-altered',
      ...{ layer: kind, digest, expected: `inode ${proven?.ino}`, actual: `inode ${other.ino}` },
      message: `process ${other.pid} ${what} as the ${kind} of ${name} than the one that was verified: ${why}`,
      hint: stop(name),
    };
  }
  const unseen = layers.find(
    ({ kind, uses, seen }) => seen.length === 0 && (isHeld(kind) || uses.length > 0),
  );
  if (unseen !== undefined) {
    const message = `${name} is loaded, and ${whyUnseen(unseen, open)}`;
    return { rule: 'running-unseen', layer: unseen.kind, digest: unseen.digest, message };
  }
  const pids = new Set(layers.flatMap(({ seen }) => seen.map(({ pid }) => pid)));
  if (pids.size === 0)
    return {
      rule: 'running-unseen',
      message: `${name} is loaded, and no process of Ollama has a file of it open`,
    };
  const by = [...pids].join(', ');
  return {
    rule: 'running-verified',
    message: `${name} is loaded from the files that were verified, by process ${by}`,
  };
}

const another = {
  open: ['has another file open', 'it was replaced after it was loaded'],
  named: ['was given another file', 'it is that of another store, or was replaced since'],
} as const;

/** Layers that a process must be seen to use; the others are read at a request, or not at all. */
const isHeld = (kind: LayerKind): boolean => kind === 'weights' || kind === 'tensor';

const stop = (name: string): string => `ollama stop ${name}`;

function nameOf(text: string): string | undefined {
  try {
    return fullName(parseModelName(text)).toLowerCase();
  } catch {
    return undefined;
  }
}

/** Where only /proc/PID/maps may be read, the inode alone is known for certain. */
const isSame = ({ ino, dev }: OpenBlob, proven: FileIdentity): boolean =>
  ino === proven.ino && (dev === undefined || dev === proven.dev);

const isAnother = (use: OpenBlob, proven: FileIdentity): boolean =>
  use.ino !== undefined && !isSame(use, proven);

/** The verified file is open; or it was given to the process, and it has not changed since before that started. */
const isFrom = (use: OpenBlob, proven: FileIdentity): boolean =>
  isSame(use, proven) &&
  (use.how === 'open' || Number(proven.ctimeNs / 1_000_000n) + startToleranceMs < use.startedAt);

function whyUnseen({ kind, proven, uses }: UsedLayer, { closed, found }: OpenBlobs): string {
  const its = kind === 'weights' ? 'its weights' : `its ${kind} layer`;
  if (proven === undefined) return `${its} ${kind === 'weights' ? 'were' : 'was'} not proven in this run`;
  if (!found)
    return 'the process that answers may not be looked at; run as root or as its user, where it runs';
  if (closed.length > 0)
    return `the files of process ${closed.join(', ')} may not be looked at; run as root or as its user`;
  if (uses.length > 0)
    return `${its} changed about when it was loaded, so that it is not known which bytes were read`;
  return `no process of Ollama has ${its} open`;
}
