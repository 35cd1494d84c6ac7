import Database from 'better-sqlite3';
import { Kysely, sql } from 'kysely';
import { describeCause, KnownError } from '../errors/index.ts';
import { type Digest, type ModelName, nameKey, parseDigest } from '../oci/index.ts';
import { CatalogChange } from './catalog-change.ts';
import { CatalogDialect } from './catalog-dialect.ts';
import { migrate } from './migrations.ts';
import { AgreeingRows, modelOf } from './read-model.ts';
import { Remembered } from './remembered.ts';
import type { AuditRow, CatalogBlob, CatalogModel, CatalogTotals, MovedTag, Refusal } from './rows.ts';
import type { Tables } from './tables.ts';

/** How long another process may hold the database before this one gives up, in milliseconds. */
const busyMs = 10_000;

/**
 * What the mirror knows: models, the blobs they name, what was refused, what moved, and the audit log. One file of
 * SQLite, which several processes may have open.
 */
export class Catalog {
  readonly #db: Kysely<Tables>;
  readonly #now: () => Date;

  readonly #remembered: Remembered;
  readonly #rows = new AgreeingRows();

  private constructor(db: Kysely<Tables>, now: () => Date, remembered: Remembered) {
    this.#db = db;
    this.#now = now;
    this.#remembered = remembered;
  }

  /** @throws KnownError CATALOG_UNUSABLE, CATALOG_NEWER */
  static async open(path: string, now: () => Date): Promise<Catalog> {
    let db: Kysely<Tables> | undefined;
    try {
      const database = new Database(path, { timeout: busyMs });
      db = new Kysely<Tables>({ dialect: new CatalogDialect(database) });
      // A change that was told to somebody is on the disk; readers do not wait for writers.
      for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON'])
        database.pragma(pragma);
      await migrate(db, path);
      // Another number whenever another connection has changed the database (SQLite, "PRAGMA data_version").
      const version = database.prepare('pragma data_version').pluck();
      return new Catalog(db, now, new Remembered(() => version.get()));
    } catch (error) {
      await db?.destroy();
      if (error instanceof KnownError) throw error;
      throw new KnownError('CATALOG_UNUSABLE', { path, problem: describeCause(error) }, error);
    }
  }

  /** All of it, or nothing: what is changed inside is seen by nobody before the end, and undone by a throw. */
  async change<T>(work: (change: CatalogChange) => Promise<T>): Promise<T> {
    try {
      return await this.#db.transaction().execute((tx) => work(new CatalogChange(tx, this.#now())));
    } finally {
      this.#remembered.forget();
    }
  }

  /** By name, without regard to case; one whose manifest was altered here is not there. */
  find(name: ModelName): Promise<CatalogModel | undefined> {
    const key = nameKey(name);
    return this.#remembered.get(`name ${key}`, async () => {
      const row = await this.#models().where('model.folded', '=', key).executeTakeFirst();
      return row && this.#rows.read(row);
    });
  }

  /** Any model with this manifest, which is what its digest says. */
  byDigest(digest: Digest): Promise<CatalogModel | undefined> {
    return this.#remembered.get(`manifest ${digest}`, async () => {
      const row = await this.#models().where('model.manifest', '=', digest).limit(1).executeTakeFirst();
      return row && this.#rows.read(row);
    });
  }

  /** Whether an admitted model names this blob. */
  async namesBlob(digest: Digest): Promise<boolean> {
    return (await this.blobSize(digest)) !== undefined;
  }

  /** The size of a blob that an admitted model names, in bytes. */
  blobSize(digest: Digest): Promise<number | undefined> {
    return this.#remembered.get(`blob ${digest}`, async () => {
      const named = this.#db
        .selectFrom('manifest_blob')
        .innerJoin('blob', 'blob.digest', 'manifest_blob.blob');
      const row = await named
        .select('blob.size')
        .where('manifest_blob.blob', '=', digest)
        .limit(1)
        .executeTakeFirst();
      return row?.size;
    });
  }

  /** Models in the order of their names, after one of them: as the rows stand, for people. */
  async models(count: number, after: ModelName | undefined): Promise<readonly CatalogModel[]> {
    const rows = await this.#models()
      .where('model.folded', '>', after === undefined ? '' : nameKey(after))
      .orderBy('model.folded')
      .limit(count)
      .execute();
    return rows.map(modelOf);
  }

  /** `namespace/model`, in code-point order; one that was admitted in two spellings is there once. */
  async repositories(host: string, count: number, last = ''): Promise<readonly string[]> {
    const rows = await this.#under(`${host}/`)
      .select((by) => by.fn.min<string>('repository').as('repository'))
      .groupBy(sql`lower(repository)`)
      .having((by) => by.fn.min<string>('repository'), '>', last)
      .orderBy('repository')
      .limit(count)
      .execute();
    return rows.map(({ repository }) => repository);
  }

  /** Tags in code-point order, whatever the case of the repository; undefined where there is no such repository. */
  async tags(
    host: string,
    repository: string,
    count: number,
    last = '',
  ): Promise<readonly string[] | undefined> {
    const all = this.#under(`${host}/${repository}:`);
    const rows = await all.select('tag').where('tag', '>', last).orderBy('tag').limit(count).execute();
    if (rows.length > 0) return rows.map(({ tag }) => tag);
    return (await all.select('tag').limit(1).executeTakeFirst()) === undefined ? undefined : [];
  }

  /** Blobs, the one that was looked at longest ago first. */
  async blobsToScrub(count: number): Promise<readonly CatalogBlob[]> {
    const rows = await this.#db
      .selectFrom('blob')
      .select(['digest', 'size'])
      .orderBy((by) => by.fn.coalesce('scrubbed_at', 'verified_at'))
      .orderBy('digest')
      .limit(count)
      .execute();
    return rows.map(({ digest, size }) => ({ digest: parseDigest(digest), size }));
  }

  async refusals(count: number): Promise<readonly Refusal[]> {
    const rows = await this.#db
      .selectFrom('refusal')
      .selectAll()
      .orderBy('last_at', 'desc')
      .limit(count)
      .execute();
    return rows.map(({ name, sentence, served, times, last_at }) => ({
      ...{ name, sentence, times, lastAt: last_at },
      served: served === 1,
    }));
  }

  async movedTags(count: number): Promise<readonly MovedTag[]> {
    const rows = await this.#db
      .selectFrom('moved_tag')
      .selectAll()
      .orderBy('last_at', 'desc')
      .limit(count)
      .execute();
    return rows.map(({ name, expected, found, last_at }) => ({
      ...{ name, lastAt: last_at },
      ...{ expected: parseDigest(expected), found: parseDigest(found) },
    }));
  }

  async totals(): Promise<CatalogTotals> {
    const countOf = async (table: 'model' | 'refusal' | 'moved_tag') =>
      (
        await this.#db
          .selectFrom(table)
          .select((by) => by.fn.countAll<number>().as('count'))
          .executeTakeFirst()
      )?.count ?? 0;
    const blobs = await this.#db
      .selectFrom('blob')
      .select((by) => [by.fn.countAll<number>().as('count'), by.fn.sum<number | null>('size').as('bytes')])
      .executeTakeFirst();
    return {
      models: await countOf('model'),
      blobs: blobs?.count ?? 0,
      bytes: blobs?.bytes ?? 0,
      refusals: await countOf('refusal'),
      moved: await countOf('moved_tag'),
    };
  }

  /** Records of the audit log after one of them, in order. */
  async audit(after: number, count: number): Promise<readonly AuditRow[]> {
    return this.#db
      .selectFrom('audit')
      .selectAll()
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(count)
      .execute();
  }

  close(): Promise<void> {
    return this.#db.destroy();
  }

  /** Models whose names begin like this, in any case; it ends with a separator, to which no part of a name belongs. */
  #under(beginning: string) {
    const from = beginning.toLowerCase();
    const next = String.fromCharCode(from.charCodeAt(from.length - 1) + 1);
    return this.#db
      .selectFrom('model')
      .where('folded', '>=', from)
      .where('folded', '<', from.slice(0, -1) + next);
  }

  #models() {
    return this.#db
      .selectFrom('model')
      .innerJoin('manifest', 'manifest.digest', 'model.manifest')
      .select([
        'model.host',
        'model.repository',
        'model.tag',
        'manifest.digest',
        'manifest.media_type',
        'manifest.bytes',
      ]);
  }
}
