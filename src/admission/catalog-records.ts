import { type AuditEvent, type ChainEnd, emptyChain, nextRecord } from '../audit/index.ts';
import type { Catalog, CatalogChange } from '../catalog/index.ts';
import { type Digest, fullName, type ModelName, parseDigest } from '../oci/index.ts';
import type { AdmittedModel, NewModel, Records } from './records.ts';
import { RefusalLedger } from './refusal-ledger.ts';

/** The catalog, each of whose changes stands in the audit log: both in one transaction. */
export class CatalogRecords implements Records {
  readonly #catalog: Catalog;
  readonly #now: () => Date;
  readonly #refusals: RefusalLedger;

  constructor(catalog: Catalog, now: () => Date) {
    this.#catalog = catalog;
    this.#now = now;
    this.#refusals = new RefusalLedger(catalog, (change, event) => this.#append(change, event), now);
  }

  find(name: ModelName): Promise<AdmittedModel | undefined> {
    return this.#catalog.find(name);
  }

  byDigest(digest: Digest): Promise<AdmittedModel | undefined> {
    return this.#catalog.byDigest(digest);
  }

  blobSize(digest: Digest): Promise<number | undefined> {
    return this.#catalog.blobSize(digest);
  }

  async admit(model: NewModel): Promise<void> {
    await this.#catalog.change(async (change) => {
      await change.admit(model);
      await this.#append(change, {
        ...{ kind: 'admitted', model: fullName(model.name), manifest: model.digest, source: model.source },
        blobs: model.blobs.length,
        bytes: model.blobs.reduce((sum, { size }) => sum + size, 0),
        ...{ list: model.listDigest, listVersion: model.listVersion },
      });
    });
  }

  refused(name: ModelName, sentence: string, served: boolean): Promise<void> {
    return this.#refusals.refused(name, sentence, served);
  }

  /** Names of refusals that are held in memory. */
  get remembered(): number {
    return this.#refusals.remembered;
  }

  /** Writes down what is only counted so far: once a minute, and before the catalog is closed. */
  flush(): Promise<void> {
    return this.#refusals.flush();
  }

  async moved(name: ModelName, expected: Digest, found: Digest): Promise<void> {
    await this.#catalog.change(async (change) => {
      if (await change.move(name, expected, found))
        await this.#append(change, { kind: 'moved', model: fullName(name), expected, found });
    });
  }

  repositories(host: string, count: number, last: string | undefined): Promise<readonly string[]> {
    return this.#catalog.repositories(host, count, last);
  }

  tags(host: string, repository: string, count: number, last: string | undefined) {
    return this.#catalog.tags(host, repository, count, last);
  }

  /** One more record of something that has no row of its own. */
  note(event: AuditEvent): Promise<ChainEnd> {
    return this.#catalog.change((change) => this.#append(change, event));
  }

  async #append(change: CatalogChange, event: AuditEvent): Promise<ChainEnd> {
    const last = await change.lastAudit();
    const end = last === undefined ? emptyChain : { seq: last.seq, hash: parseDigest(last.hash) };
    const { event: told, ...record } = nextRecord(end, event, this.#now());
    await change.appendAudit({ ...record, event: JSON.stringify(told) });
    return { seq: record.seq, hash: record.hash };
  }
}
