import { FindingsLog } from '../findings/index.ts';
import { HashPool } from '../hash/index.ts';
import type { CheckReport } from '../report/index.ts';
import { OllamaStore } from '../store/index.ts';
import { applyList } from './apply-list.ts';
import { Anatomy } from './blame.ts';
import { factOfBadBlob } from './blob-facts.ts';
import type { BlobTables } from './blob-tables.ts';
import type { CheckEffects, CheckRequest } from './check-request.ts';
import type { ChosenModels } from './chosen-models.ts';
import { type HashRun, hashBlobs, proof } from './hash-run.ts';
import { type Inventory, takeInventory } from './inventory.ts';
import { judgeConfigs } from './judge-configs.ts';
import { openMemory } from './memory.ts';
import { interruptStatus, reportPartial } from './partial.ts';
import { type Plan, planHashing, withoutSealed } from './plan.ts';
import { readModels } from './read-models.ts';
import { markReferences, reportReferences } from './reference-facts.ts';
import { reportMoved } from './report-moved.ts';
import { blobResults, modelResult, summarise } from './results.ts';

/**
 * Reads a store and proves it, byte for byte, against its own manifests. Writes nothing into it.
 *
 * @throws KnownError STORE_UNREADABLE, COMMAND_UNKNOWN, USAGE; everything else is a finding
 */
export async function check(request: CheckRequest, effects: CheckEffects): Promise<CheckReport> {
  const startedAt = effects.now();
  const began = effects.monotonic();
  const log = new FindingsLog(request.failOn, (finding) => effects.observer.finding(finding));
  for (const fact of request.facts ?? []) log.add(fact);
  using store = OllamaStore.open(request.store, request.followLinksInto, (fact) => log.add(fact));
  const models = await readModels(store, request, effects.signal, log);
  const list = applyList(request.list, models, request.store, (fact) => log.add(fact));
  const inventory = await readBlobs(store, models, log, effects);
  const memory = openMemory(request, effects.deadline !== undefined, (fact) => log.add(fact));
  const tables = request.tables ?? list.tables;
  const sealed = await request.sealing?.take(store, inventory, tables, (fact) => log.add(fact));
  const full = planHashing(inventory, request, memory.from);
  const plan = sealed === undefined ? full : withoutSealed(full, inventory.table, sealed);
  await request.running?.begin(inventory.table.length);
  const run = await hash(store, { inventory, plan, tables, sealed }, request, effects);
  reportMoved(
    store,
    models.chosen.map(({ record }) => record),
    (fact) => log.add(fact),
  );
  markUnhashed(inventory, plan, run);
  markReferences(inventory.references, inventory.complete);
  reportBlobs(store, inventory, run, log);
  list.finish((fact) => log.add(fact));
  await judgeConfigs(
    store,
    inventory,
    models.chosen.map(({ record }) => record),
    effects.signal,
    (fact) => log.add(fact),
  );
  const partial = reportPartial({ request, effects, plan, run }, (fact) => log.add(fact));
  memory.remember(plan, run, inventory.table);
  await request.running?.judge(models.chosen, inventory, (fact) => log.add(fact));
  const listDigest = list.info?.digest ?? null;
  if (models.whole) await request.sealing?.save(store, inventory, listDigest, (fact) => log.add(fact));
  effects.observer.ended();
  return {
    tool: request.tool,
    store: request.store,
    startedAt,
    durationMs: Math.round(effects.monotonic() - began),
    partial,
    trustChecked: request.list !== undefined,
    allowList: list.info,
    exitCode: effects.signal.aborted ? interruptStatus(effects.signal) : log.bits,
    summary: summarise(models.chosen, inventory, plan, run),
    models: models.chosen.map(modelResult),
    blobs: blobResults(inventory, plan, run),
    findings: log.sorted(),
    unlisted: log.unlisted(),
  };
}

function readBlobs(
  store: OllamaStore,
  { all, chosen, whole, complete }: ChosenModels,
  log: FindingsLog,
  effects: CheckEffects,
): Promise<Inventory> {
  const { signal } = effects;
  const what = { models: chosen, all, whole, manifestsRead: complete, now: effects.now(), signal };
  return takeInventory(store, what, (fact) => log.add(fact));
}

interface HashWork {
  readonly inventory: Inventory;
  readonly plan: Plan;
  readonly tables: BlobTables;
  readonly sealed: Uint8Array | undefined;
}

async function hash(
  store: OllamaStore,
  { inventory, plan, tables, sealed }: HashWork,
  request: CheckRequest,
  effects: CheckEffects,
): Promise<HashRun> {
  for (const index of plan.all) {
    const state = sealed?.[index] === 1 ? request.sealing?.provenState(index) : undefined;
    if (state !== undefined) request.running?.keep(index, state);
  }
  const pool = new HashPool({ threads: request.jobs, maxRate: request.maxRate });
  const { table } = inventory;
  effects.observer.hashing({
    blobs: plan.order.length,
    bytes: plan.bytesToHash,
    bytesDone: () => pool.bytesRead,
    activities: () =>
      pool.activities().map((activity) => {
        const index = Number(activity.label);
        return { ...activity, label: table.digest(index), total: table.size(index) };
      }),
  });
  try {
    const { jobs, firstFailure, sealing, running } = request;
    const { signal, deadline } = effects;
    return await hashBlobs(store, inventory, plan, pool, tables, {
      ...{ jobs, firstFailure, signal, deadline, sealed },
      onIntact: (index, verdict) => {
        sealing?.keep(index, table.digest(index), verdict, tables);
        running?.keep(index, verdict.identity);
      },
    });
  } finally {
    await pool.close();
  }
}

/** What was left out is unchecked, unless its size alone refutes it: that is looked at in every run. */
function markUnhashed(inventory: Inventory, plan: Plan, run: HashRun): void {
  for (const index of plan.all) {
    if (run.proofs[index] !== proof.none) continue;
    const reference = inventory.references.get(inventory.table.digest(index));
    if (reference?.index !== index) continue;
    reference.unhashed = true;
    reference.mark('unchecked');
  }
}

function reportBlobs(store: OllamaStore, inventory: Inventory, run: HashRun, log: FindingsLog): void {
  const { table, references } = inventory;
  const anatomy = new Anatomy(references);
  const size = (reference: { index: number | undefined }) =>
    reference.index === undefined ? undefined : table.size(reference.index);
  for (const bad of run.bad) log.add(factOfBadBlob(store.path, table, anatomy, bad));
  for (const [rule, more] of run.moreBad) log.addUnlisted(rule, more);
  reportReferences(references, size, anatomy, store.path, (fact) => log.add(fact));
  if (run.cacheNotBypassed > 0) {
    const message = `${run.cacheNotBypassed} bad blobs were read again without going past the page cache`;
    log.add({ rule: 'cache-not-bypassed', message });
  }
}
