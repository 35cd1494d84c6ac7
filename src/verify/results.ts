import type { BlobResult, ModelResult, ModelStatus, Proof, Summary } from '../report/index.ts';
import type { GatheredModel } from './gather-models.ts';
import { type HashRun, proof } from './hash-run.ts';
import type { Inventory } from './inventory.ts';
import type { Plan } from './plan.ts';

export const modelResult = ({ record }: GatheredModel): ModelResult => ({
  name: record.full,
  shortName: record.short,
  manifestDigest: record.manifestDigest ?? null,
  status: record.status,
  bytes: record.bytes,
});

/** Blobs in the order of the plan, made one by one: a store may hold a million. */
export function blobResults({ table }: Inventory, plan: Plan, run: HashRun): Iterable<BlobResult> {
  const words: readonly Proof[] = ['none', 'whole', 'size', 'pieces', 'seal'];
  return {
    *[Symbol.iterator]() {
      for (const index of plan.all) {
        const how = words[run.proofs[index] ?? proof.none] ?? 'none';
        yield { digest: table.digest(index), bytes: table.size(index), proof: how };
      }
    },
  };
}

export function summarise(
  models: readonly GatheredModel[],
  inventory: Inventory,
  plan: Plan,
  run: HashRun,
): Summary {
  const count = (status: ModelStatus) => models.filter(({ record }) => record.status === status).length;
  return {
    models: models.length,
    blobs: plan.all.length,
    bytes: plan.bytes,
    hashedBytes: run.hashedBytes,
    ok: count('ok'),
    altered: count('altered'),
    untrusted: count('untrusted'),
    missing: count('missing'),
    unchecked: count('unchecked'),
    orphans: inventory.orphans,
    partials: inventory.partials,
  };
}
