import type { Transaction } from 'kysely';
import { type Digest, fullName, type ModelName, nameKey, normalName } from '../oci/index.ts';
import type { AuditRow, CatalogAdmission, Refused } from './rows.ts';
import type { Tables } from './tables.ts';

/** Names of which refusals are kept: a client that types names at random must not fill a disk. */
const namesKept = 10_000;

/** Digests under one tag that are known: an upstream that goes to and fro between them says nothing new. */
const digestsKnown = 16;

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
      .values({ folded: nameKey(model.name), ...row })
      .onConflict((conflict) => conflict.column('folded').doUpdateSet(row))
      .execute();
    await this.#dropUnnamedManifests();
  }

  /**
   * Requests for one name that were refused with this sentence, or would have been.
   *
   * @returns whether that is new for this name, and what was counted in rows that made room for it
   */
  async refuse(
    name: ModelName,
    { sentence, served, times }: Refused,
  ): Promise<{ readonly isNew: boolean; readonly dropped: readonly Refused[] }> {
    const key = nameKey(name);
    const now = this.#now;
    const before = await this.#tx
      .selectFrom('refusal')
      .select(['sentence', 'served'])
      .where('folded', '=', key)
      .executeTakeFirst();
    const row = { name: fullName(normalName(name)), sentence, served: served ? 1 : 0, last_at: now };
    await this.#tx
      .insertInto('refusal')
      .values({ folded: key, ...row, times, first_at: now })
      .onConflict((conflict) =>
        conflict
          .column('folded')
          .doUpdateSet((update) => ({ ...row, times: update('refusal.times', '+', times) })),
      )
      .execute();
    if (before !== undefined)
      return { isNew: before.sentence !== sentence || before.served !== row.served, dropped: [] };
    return { isNew: true, dropped: await this.#dropOldest() };
  }

  /** More requests for a name that has a row. @returns false where it has none any more */
  async refusedAgain(name: ModelName, times: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#tx
      .updateTable('refusal')
      .set((update) => ({ times: update('times', '+', times), last_at: this.#now }))
      .where('folded', '=', nameKey(name))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /**
   * Upstream has other bytes under the tag of a model that is listed or admitted: so many rows there can be.
   *
   * @returns whether this digest was not seen under the tag before; such a move is always worth a record
   */
  async move(name: ModelName, expected: Digest, found: Digest): Promise<boolean> {
    const key = nameKey(name);
    const before = await this.#tx
      .selectFrom('moved_tag')
      .select(['found', 'seen'])
      .where('folded', '=', key)
      .executeTakeFirst();
    const known = before === undefined ? [] : [...before.seen.split(' '), before.found];
    const seen = [...new Set([...known, found])].filter((digest) => digest !== '').slice(-digestsKnown);
    const row = { name: fullName(name), expected, found, last_at: this.#now, seen: seen.join(' ') };
    await this.#tx
      .insertInto('moved_tag')
      .values({ folded: key, ...row, first_at: this.#now })
      .onConflict((conflict) => conflict.column('folded').doUpdateSet(row))
      .execute();
    return !known.includes(found);
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

  /** @returns what was counted in the rows that are no more, without the one request of each that stands in the log */
  async #dropOldest(): Promise<readonly Refused[]> {
    const { rows } = await this.#tx
      .selectFrom('refusal')
      .select((by) => by.fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow();
    if (rows <= namesKept) return [];
    const oldest = await this.#tx
      .selectFrom('refusal')
      .select(['folded', 'sentence', 'served', 'times'])
      .orderBy('last_at')
      .limit(rows - namesKept)
      .execute();
    for (const { folded } of oldest)
      await this.#tx.deleteFrom('refusal').where('folded', '=', folded).execute();
    return oldest.map(({ sentence, served, times }) => ({
      sentence,
      served: served === 1,
      times: times - 1,
    }));
  }
}
