import type { Transaction } from 'kysely';
import { type Digest, fullName, type ModelName } from '../oci/index.ts';
import type { AuditRow, CatalogAdmission } from './rows.ts';
import type { Tables } from './tables.ts';

/** Names of which refusals, and moves, are kept: a client that types names at random must not fill a disk. */
const namesKept = 10_000;

/** What may be changed, all of it in one transaction. */
export class CatalogChange {
  readonly #tx: Transaction<Tables>;
  readonly #now: string;

  constructor(tx: Transaction<Tables>, now: Date) {
    this.#tx = tx;
    this.#now = now.toISOString();
  }

  /** A model and everything it names. An earlier manifest of the name stays as long as another model names it. */
  async admit(model: CatalogAdmission): Promise<void> {
    const tx = this.#tx;
    const { digest, mediaType: media_type, bytes, blobs, source } = model;
    const now = this.#now;
    await tx
      .insertInto('manifest')
      .values({ digest, media_type, bytes })
      // What stands there under this digest may have been altered.
      .onConflict((conflict) => conflict.column('digest').doUpdateSet({ media_type, bytes }))
      .execute();
    for (const { digest: blob, size } of blobs) {
      await tx
        .insertInto('blob')
        .values({ digest: blob, size, verified_at: now, scrubbed_at: null })
        .onConflict((conflict) => conflict.column('digest').doUpdateSet({ size, verified_at: now }))
        .execute();
      await tx
        .insertInto('manifest_blob')
        .values({ manifest: digest, blob })
        .onConflict((conflict) => conflict.columns(['manifest', 'blob']).doNothing())
        .execute();
    }
    const { host, namespace, model: name, tag } = model.name;
    const row = {
      ...{ host, repository: `${namespace}/${name}`, tag, manifest: digest, source, admitted_at: now },
      ...{ list_digest: model.listDigest ?? null, list_version: model.listVersion ?? null },
    };
    await tx
      .insertInto('model')
      .values({ folded: folded(model.name), ...row })
      .onConflict((conflict) => conflict.column('folded').doUpdateSet(row))
      .execute();
    await this.#dropUnnamedManifests();
  }

  /** @returns whether it is worth a record: new for this name, and not one of too many names */
  async refuse(name: ModelName, sentence: string, served: boolean): Promise<boolean> {
    const key = folded(name);
    const now = this.#now;
    const before = await this.#tx
      .selectFrom('refusal')
      .select(['sentence', 'served'])
      .where('folded', '=', key)
      .executeTakeFirst();
    const row = { name: fullName(name), sentence, served: served ? 1 : 0, last_at: now };
    await this.#tx
      .insertInto('refusal')
      .values({ folded: key, ...row, times: 1, first_at: now })
      .onConflict((conflict) =>
        conflict
          .column('folded')
          .doUpdateSet((update) => ({ ...row, times: update('refusal.times', '+', 1) })),
      )
      .execute();
    if (before !== undefined) return before.sentence !== sentence || before.served !== row.served;
    return !(await this.#dropOldest('refusal'));
  }

  /** @returns whether it is worth a record, as above */
  async move(name: ModelName, expected: Digest, found: Digest): Promise<boolean> {
    const key = folded(name);
    const before = await this.#tx
      .selectFrom('moved_tag')
      .select('found')
      .where('folded', '=', key)
      .executeTakeFirst();
    const row = { name: fullName(name), expected, found, last_at: this.#now };
    await this.#tx
      .insertInto('moved_tag')
      .values({ folded: key, ...row, first_at: this.#now })
      .onConflict((conflict) => conflict.column('folded').doUpdateSet(row))
      .execute();
    if (before !== undefined) return before.found !== found;
    return !(await this.#dropOldest('moved_tag'));
  }

  async scrubbed(blob: Digest): Promise<void> {
    await this.#tx.updateTable('blob').set({ scrubbed_at: this.#now }).where('digest', '=', blob).execute();
  }

  /** Forgets a blob that no manifest names. @returns whether it was one */
  async forgetBlob(blob: Digest): Promise<boolean> {
    const named = await this.#tx
      .selectFrom('manifest_blob')
      .select('blob')
      .where('blob', '=', blob)
      .executeTakeFirst();
    if (named !== undefined) return false;
    await this.#tx.deleteFrom('blob').where('digest', '=', blob).execute();
    return true;
  }

  async lastAudit(): Promise<AuditRow | undefined> {
    return this.#tx.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(1).executeTakeFirst();
  }

  async appendAudit(row: AuditRow): Promise<void> {
    await this.#tx.insertInto('audit').values(row).execute();
  }

  async #dropUnnamedManifests(): Promise<void> {
    const named = this.#tx.selectFrom('model').select('manifest');
    await this.#tx.deleteFrom('manifest_blob').where('manifest', 'not in', named).execute();
    await this.#tx.deleteFrom('manifest').where('digest', 'not in', named).execute();
  }

  /** @returns whether there were too many */
  async #dropOldest(table: 'refusal' | 'moved_tag'): Promise<boolean> {
    const kept = this.#tx.selectFrom(table).select('folded').orderBy('last_at', 'desc').limit(namesKept);
    const result = await this.#tx.deleteFrom(table).where('folded', 'not in', kept).executeTakeFirst();
    return result.numDeletedRows > 0n;
  }
}

/** A name as it is looked up. */
export const folded = (name: ModelName): string => fullName(name).toLowerCase();
