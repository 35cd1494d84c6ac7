import { setImmediate } from 'node:timers/promises';
import type { RuleId } from '../findings/index.ts';
import { listedPerRule } from '../findings/index.ts';
import { eachBounded, type HashPool } from '../hash/index.ts';
import type { BlobIndex, OllamaStore } from '../store/index.ts';
import { type BadBlob, ruleOf } from './blob-facts.ts';
import type { BlobTables } from './blob-tables.ts';
import type { Inventory } from './inventory.ts';
import { judgeBlob, judgeSize, type Verdict } from './judge-blob.ts';
import type { Reference } from './model-records.ts';
import type { Plan } from './plan.ts';

export interface HashRunOptions {
  readonly jobs: number;
  readonly firstFailure: boolean;
  /** Ends the whole run: what is being hashed is given up. */
  readonly signal: AbortSignal;
  /** Ends a run in time: nothing new is begun, and what was begun is given up, but the first blob is always finished. */
  readonly deadline: AbortSignal | undefined;
  /** 1 for each blob whose bytes were proven before and have not changed since: it is not read. */
  readonly sealed?: Uint8Array | undefined;
  /** Told of each blob that was read and is right. */
  readonly onIntact?: (index: BlobIndex, verdict: Verdict & { kind: 'intact' }) => void;
}

/** How each blob of the table was left: the code of `proofs`, one byte a blob. */
export const proof = { none: 0, whole: 1, size: 2, pieces: 3, seal: 4 } as const;

export interface HashRun {
  readonly proofs: Uint8Array;
  readonly hashedBytes: number;
  readonly bad: readonly BadBlob[];
  /** Bad blobs beyond those kept, by rule. */
  readonly moreBad: ReadonlyMap<RuleId, number>;
  readonly cacheNotBypassed: number;
  /** Position in the order up to which every blob was hashed. */
  readonly doneUpTo: number;
  /** Every blob of the plan was judged. */
  readonly complete: boolean;
}

/** Hashes the blobs of a plan, in its order, on all threads; keeps what is bad, a bounded number of each rule. */
export async function hashBlobs(
  store: OllamaStore,
  inventory: Inventory,
  plan: Plan,
  pool: HashPool,
  tables: BlobTables,
  options: HashRunOptions,
): Promise<HashRun> {
  const run = new Run(inventory, plan, options.onIntact);
  if (options.sealed !== undefined) run.takeSealed(plan, options.sealed);
  const stop = () => {
    run.stopped = true;
    pool.cancel();
  };
  const stopInTime = () => {
    if (run.doneUpTo > 0) stop();
  };
  options.signal.addEventListener('abort', stop, { once: true });
  options.deadline?.addEventListener('abort', stopInTime, { once: true });
  if (options.signal.aborted) stop();
  try {
    await eachBounded(positions(plan, run, options), options.jobs, async (position) => {
      const index = plan.order[position] ?? 0;
      const reference = inventory.references.get(inventory.table.digest(index));
      run.take(position, index, await judgeBlob(store, inventory.table, index, reference, pool, tables));
      if (options.firstFailure && run.failed) stop();
      if (options.deadline?.aborted === true) stopInTime();
      if (position % breath === 0) await setImmediate();
    });
  } finally {
    options.signal.removeEventListener('abort', stop);
    options.deadline?.removeEventListener('abort', stopInTime);
  }
  run.refuteUnhashed(plan);
  return run;
}

/** Blobs between two breaths: a signal or a progress line gets its turn. */
const breath = 256;

/** Positions in the order that need a reading; what its size refutes is judged in passing, at no cost of memory. */
function* positions(plan: Plan, run: Run, { firstFailure }: HashRunOptions): Generator<number> {
  for (let position = 0; position < plan.order.length && !run.stopped; position += 1) {
    if (position % breath === 0 || !run.refute(position, plan.order[position] ?? 0)) yield position;
    else if (firstFailure) return;
  }
}

class Run implements HashRun {
  readonly proofs: Uint8Array;
  readonly bad: BadBlob[] = [];
  readonly moreBad = new Map<RuleId, number>();
  hashedBytes = 0;
  cacheNotBypassed = 0;
  stopped = false;
  failed = false;
  readonly #inventory: Inventory;
  readonly #done: Uint8Array;
  readonly #judged: Uint8Array;
  readonly #kept = new Map<RuleId, number>();

  readonly #onIntact: HashRunOptions['onIntact'];

  constructor(inventory: Inventory, plan: Plan, onIntact: HashRunOptions['onIntact']) {
    this.#inventory = inventory;
    this.#onIntact = onIntact;
    this.proofs = new Uint8Array(inventory.table.length);
    this.#judged = new Uint8Array(inventory.table.length);
    this.#done = new Uint8Array(plan.order.length);
  }

  /** What a seal proves counts as read; it was left out of the order. */
  takeSealed(plan: Plan, sealed: Uint8Array): void {
    const { table, references } = this.#inventory;
    for (const index of plan.all) {
      if (sealed[index] !== 1) continue;
      this.#judged[index] = 1;
      this.proofs[index] = proof.seal;
      const reference = references.get(table.digest(index));
      if (reference?.index === index) reference.intact = true;
    }
  }

  take(position: number, index: number, verdict: Verdict): void {
    if (verdict.kind === 'cancelled') {
      this.stopped = true;
      return;
    }
    this.#done[position] = 1;
    this.#note(index, verdict);
  }

  /** Judges one blob by its size alone; false when it must be read. */
  refute(position: number, index: number): boolean {
    const verdict = this.#judgeSize(index);
    if (verdict !== undefined) this.take(position, index, verdict);
    return verdict !== undefined;
  }

  /** Blobs that were left out are still held against the size their manifests give: that costs nothing. */
  refuteUnhashed(plan: Plan): void {
    for (const index of plan.all) {
      if (this.proofs[index] !== proof.none || this.#judged[index] === 1) continue;
      const verdict = this.#judgeSize(index);
      if (verdict !== undefined) this.#note(index, verdict);
    }
  }

  #judgeSize(index: number): ReturnType<typeof judgeSize> {
    const { table, references } = this.#inventory;
    return judgeSize(table, index, references.get(table.digest(index)));
  }

  #note(index: number, verdict: Exclude<Verdict, { kind: 'cancelled' }>): void {
    this.#judged[index] = 1;
    const reference = this.#inventory.references.get(this.#inventory.table.digest(index));
    // A blob may lie there twice, under its name and under the old one with a colon: only one stands for the models.
    const own = reference?.index === index ? reference : undefined;
    if (verdict.kind === 'intact') {
      this.proofs[index] = proof[verdict.by];
      this.hashedBytes += verdict.bytes;
      if (own !== undefined) own.intact = true;
      this.#onIntact?.(index, verdict);
      return;
    }
    this.failed = true;
    if (verdict.kind === 'table-wrong') {
      // The bytes are right, so the blob is sound; what is wrong is the list, and with it who may be trusted.
      this.proofs[index] = proof.whole;
      this.hashedBytes += verdict.bytes;
      if (own !== undefined) own.intact = true;
      reference?.mark('untrusted');
      this.#keep(index, reference, verdict);
      return;
    }
    if (verdict.kind === 'altered' || verdict.kind === 'unstable') {
      this.proofs[index] = proof.whole;
      this.hashedBytes += verdict.bytes;
      if (!verdict.again.cacheBypassed) this.cacheNotBypassed += 1;
    } else if (verdict.kind === 'wrong-size' || verdict.kind === 'empty') this.proofs[index] = proof.size;
    reference?.mark(verdict.kind === 'changed' || verdict.kind === 'unreadable' ? 'unchecked' : 'altered');
    this.#keep(index, reference, verdict);
  }

  get doneUpTo(): number {
    const open = this.#done.indexOf(0);
    return open === -1 ? this.#done.length : open;
  }

  get complete(): boolean {
    return this.doneUpTo === this.#done.length;
  }

  #keep(index: number, reference: Reference | undefined, verdict: BadBlob['verdict']): void {
    const rule = ruleOf(reference, verdict);
    const kept = this.#kept.get(rule) ?? 0;
    if (kept >= listedPerRule) {
      this.moreBad.set(rule, (this.moreBad.get(rule) ?? 0) + 1);
      return;
    }
    this.#kept.set(rule, kept + 1);
    this.bad.push({ index, reference, verdict });
  }
}
