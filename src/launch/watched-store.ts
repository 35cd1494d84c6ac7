import { closeSync, fstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describeCause } from '../errors/index.ts';
import { difference, type FileIdentity, identityOf, rawToText } from '../files/index.ts';
import { type BlobIndex, type BlobTable, classifyBlobName, OllamaStore, openBlob } from '../store/index.ts';
import { layoutOf } from './store-layout.ts';

/** Blobs that are looked at before whatever waits (a signal) gets its turn. */
const breath = 256;

/** What a check proved, in the states of the files. */
export interface ProvenStore {
  readonly table: BlobTable;
  /** The state in which a blob was proven; undefined for one that was not. */
  provenState(index: BlobIndex): FileIdentity | undefined;
  /** The state now, flushed where that is needed; undefined for a link and for what is gone. */
  stateNow(store: OllamaStore, index: BlobIndex): Promise<FileIdentity | undefined>;
}

/**
 * A store from before its check until the start that the check guards: that nothing in it has moved in between. Each
 * look goes by the path anew, as the program that starts will go by it.
 */
export class WatchedStore {
  readonly #path: string;
  readonly #links: readonly string[];
  /** Undefined where a part could not be read, which the check says. */
  readonly #before: string | undefined;

  /** Looks for the first time; the check must begin after this. @throws KnownError STORE_UNREADABLE */
  constructor(path: string, followLinksInto: readonly string[]) {
    this.#path = path;
    this.#links = followLinksInto;
    using store = this.#open();
    try {
      this.#before = layoutOf(store);
    } catch {
      this.#before = undefined;
    }
  }

  /** What is not as it was proven, in words; undefined when all of it is. */
  async whatMoved(proven: ProvenStore): Promise<string | undefined> {
    try {
      using store = this.#open();
      if (layoutOf(store) !== this.#before) return 'a directory or a manifest of it was replaced';
      for (let index = 0; index < proven.table.length; index += 1) {
        if (index % breath === 0) await setImmediate();
        const before = proven.provenState(index);
        if (before === undefined) continue;
        const moved = await movedField(store, proven, index, before);
        if (moved !== undefined) return `blobs/${rawToText(proven.table.fileName(index))}: ${moved}`;
      }
      const came = newOldName(store, proven.table);
      return came && `blobs/${came}: it came meanwhile, and Ollama will rename it over the blob of its name`;
    } catch (error) {
      return describeCause(error);
    }
  }

  #open(): OllamaStore {
    return OllamaStore.open(this.#path, this.#links, () => {});
  }
}

async function movedField(
  store: OllamaStore,
  proven: ProvenStore,
  index: BlobIndex,
  before: FileIdentity,
): Promise<string | undefined> {
  const { table } = proven;
  const now =
    table.isLink(index) || table.isColon(index)
      ? stateOpened(store, table, index)
      : await proven.stateNow(store, index);
  if (now === undefined) return 'it is gone, or no regular file any more';
  const field = difference(before, now);
  return field === undefined ? undefined : `its ${field} moved`;
}

/** What no seal holds: what lies behind a link, and what has the old name with a colon. */
function stateOpened(store: OllamaStore, table: BlobTable, index: BlobIndex): FileIdentity {
  const fd = openBlob(store, table, index);
  try {
    return identityOf(fstatSync(fd, { bigint: true }));
  } finally {
    closeSync(fd);
  }
}

/** A blob with the old name that the check has not seen: at its start Ollama puts it in the place of one that was proven. */
function newOldName({ blobs }: OllamaStore, table: BlobTable): string | undefined {
  const known = new Set<string>();
  for (let index = 0; index < table.length; index += 1)
    if (table.isColon(index)) known.add(table.fileName(index));
  for (const name of blobs?.names() ?? [])
    if (classifyBlobName(name).kind === 'colon' && !known.has(name)) return rawToText(name);
  return undefined;
}
