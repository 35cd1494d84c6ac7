import type { AuditEvent } from '../audit/index.ts';
import { BoundedMap, TokenBucket } from '../bounds/index.ts';
import type { Catalog, CatalogChange, Refused } from '../catalog/index.ts';
import { fullName, type ModelName, nameKey, normalName } from '../oci/index.ts';

/** Records of refusals: a burst, and then so many a minute for as long as it goes on. 14,400 a day are 9 MB. */
const recordLimits = { atOnce: 60, aMinute: 10 } as const;

/** Names whose repeated requests are counted in memory. */
const namesCounted = 1000;

/** What is counted in memory is written down after so many milliseconds: a process that is killed loses this much. */
const flushMs = 60_000;

/** A name that has a row in the catalog, and the requests for it that are not in that row yet. */
interface Told {
  readonly name: ModelName;
  readonly sentence: string;
  readonly served: boolean;
  times: number;
}

/** Appends a record to the audit log, in the transaction of the change. */
export type Append = (change: CatalogChange, event: AuditEvent) => Promise<unknown>;

/**
 * What is written down of refusals, which any stranger can cause as often as a connection allows. A name has one record
 * and one row, under all of its spellings; records and rows are made at a bounded rate; requests that got none are
 * counted, and the count is a record of its own. Whatever a stranger sends, most of it costs no write at all.
 */
export class RefusalLedger {
  readonly #catalog: Pick<Catalog, 'change'>;
  readonly #append: Append;
  readonly #now: () => Date;
  readonly #bucket: TokenBucket;
  readonly #told = new BoundedMap<string, Told>(namesCounted);
  /** Requests without a record of their own. */
  #folded = { refused: 0, served: 0 };
  /** Milliseconds since 1970: since when something is counted that is not written down. */
  #since: number | undefined;
  #flushing: Promise<void> | undefined;

  constructor(catalog: Pick<Catalog, 'change'>, append: Append, now: () => Date) {
    this.#catalog = catalog;
    this.#append = append;
    this.#now = now;
    this.#bucket = new TokenBucket(recordLimits, now);
  }

  /** Names that are counted in memory. */
  get remembered(): number {
    return this.#told.size;
  }

  /** @throws KnownError CATALOG_*; system errors where the disk is full: the request is counted then, and not lost */
  async refused(name: ModelName, sentence: string, served: boolean): Promise<void> {
    const isDue = this.#isDue();
    const key = nameKey(name);
    const told = this.#told.get(key);
    if (told?.sentence === sentence && told.served === served) {
      this.#counts();
      told.times += 1;
    } else if (this.#bucket.take()) {
      const entry = { name: normalName(name), sentence, served, times: 0 };
      this.#fold(this.#told.set(key, entry));
      // What was said before in other words stays counted, in the row that the name has.
      await this.#write(entry, 1 + (told?.times ?? 0));
    } else this.#fold({ sentence, served, times: 1 });
    if (isDue) await this.flush();
  }

  /**
   * Writes down what is counted in memory: into the rows of the names, and as one record of what has no row.
   *
   * @throws as `refused`
   */
  async flush(): Promise<void> {
    // What came while another one was written is written too.
    while (this.#flushing !== undefined) await this.#flushing.catch(() => {});
    this.#flushing = this.#flush();
    try {
      await this.#flushing;
    } finally {
      this.#flushing = undefined;
    }
  }

  #isDue(): boolean {
    return this.#since !== undefined && Math.abs(this.#now().getTime() - this.#since) >= flushMs;
  }

  #counts(): void {
    this.#since ??= this.#now().getTime();
  }

  #fold(what: Refused | undefined): void {
    if (what === undefined || what.times === 0) return;
    this.#counts();
    this.#folded[what.served ? 'served' : 'refused'] += what.times;
  }

  async #write(entry: Told, times: number): Promise<void> {
    const { name, sentence, served } = entry;
    try {
      const dropped = await this.#catalog.change(async (change) => {
        const { isNew, dropped: gone } = await change.refuse(name, { sentence, served, times });
        if (isNew)
          await this.#append(change, { kind: 'refused', model: fullName(name), reason: sentence, served });
        return gone;
      });
      for (const one of dropped) this.#fold(one);
    } catch (error) {
      this.#told.delete(nameKey(name));
      this.#fold({ sentence, served, times: times + entry.times });
      throw error;
    }
  }

  async #flush(): Promise<void> {
    const since = this.#since;
    if (since === undefined) return;
    this.#since = undefined;
    const counted = [...this.#told.values()]
      .filter(({ times }) => times > 0)
      .map((entry) => [entry, entry.times] as const);
    const folded = this.#folded;
    this.#folded = { refused: 0, served: 0 };
    for (const [entry] of counted) entry.times = 0;
    try {
      await this.#catalog.change(async (change) => {
        const sum = { ...folded };
        for (const [{ name, served }, times] of counted)
          if (!(await change.refusedAgain(name, times))) sum[served ? 'served' : 'refused'] += times;
        if (sum.refused + sum.served > 0)
          await this.#append(change, { kind: 'folded', ...sum, since: new Date(since).toISOString() });
      });
    } catch (error) {
      for (const [{ sentence, served }, times] of counted) this.#fold({ sentence, served, times });
      this.#folded.refused += folded.refused;
      this.#folded.served += folded.served;
      this.#since = since;
      throw error;
    }
  }
}
