import { type Kysely, sql } from 'kysely';
import { KnownError } from '../errors/index.ts';
import type { Tables } from './tables.ts';

/** Each brings the database from one version to the next, in one transaction. Never changed once it was released. */
const migrations: readonly ((db: Kysely<Tables>) => Promise<void>)[] = [
  async (db) => {
    const { schema } = db;
    await schema
      .createTable('manifest')
      .addColumn('digest', 'text', (column) => column.primaryKey())
      .addColumn('media_type', 'text', (column) => column.notNull())
      .addColumn('bytes', 'blob', (column) => column.notNull())
      .execute();
    await schema
      .createTable('model')
      .addColumn('folded', 'text', (column) => column.primaryKey())
      .addColumn('host', 'text', (column) => column.notNull())
      .addColumn('repository', 'text', (column) => column.notNull())
      .addColumn('tag', 'text', (column) => column.notNull())
      .addColumn('manifest', 'text', (column) => column.notNull().references('manifest.digest'))
      .addColumn('source', 'text', (column) => column.notNull())
      .addColumn('list_digest', 'text')
      .addColumn('list_version', 'bigint')
      .addColumn('admitted_at', 'text', (column) => column.notNull())
      .execute();
    await schema.createIndex('model_name').on('model').columns(['host', 'repository', 'tag']).execute();
    await schema.createIndex('model_manifest').on('model').column('manifest').execute();
    await schema
      .createTable('blob')
      .addColumn('digest', 'text', (column) => column.primaryKey())
      .addColumn('size', 'bigint', (column) => column.notNull())
      .addColumn('verified_at', 'text', (column) => column.notNull())
      .addColumn('scrubbed_at', 'text')
      .execute();
    await schema
      .createTable('manifest_blob')
      .addColumn('manifest', 'text', (column) => column.notNull().references('manifest.digest'))
      .addColumn('blob', 'text', (column) => column.notNull().references('blob.digest'))
      .addPrimaryKeyConstraint('manifest_blob_key', ['manifest', 'blob'])
      .execute();
    await schema.createIndex('manifest_blob_blob').on('manifest_blob').column('blob').execute();
    for (const [table, columns] of [
      ['refusal', ['name', 'sentence']],
      ['moved_tag', ['name', 'expected', 'found']],
    ] as const) {
      let builder = schema.createTable(table).addColumn('folded', 'text', (column) => column.primaryKey());
      for (const name of columns) builder = builder.addColumn(name, 'text', (column) => column.notNull());
      if (table === 'refusal')
        builder = builder
          .addColumn('served', 'integer', (column) => column.notNull())
          .addColumn('times', 'bigint', (column) => column.notNull());
      await builder
        .addColumn('first_at', 'text', (column) => column.notNull())
        .addColumn('last_at', 'text', (column) => column.notNull())
        .execute();
    }
    await schema
      .createTable('audit')
      .addColumn('seq', 'bigint', (column) => column.primaryKey())
      .addColumn('time', 'text', (column) => column.notNull())
      .addColumn('event', 'text', (column) => column.notNull())
      .addColumn('previous', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .execute();
  },
  async (db) => {
    const { schema } = db;
    await schema
      .alterTable('moved_tag')
      .addColumn('seen', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
    // The rows that make room for others are those with the oldest time.
    await schema.createIndex('refusal_last_at').on('refusal').column('last_at').execute();
  },
];

/**
 * Brings a database to the newest version.
 *
 * @throws KnownError CATALOG_NEWER when a later release made it
 */
export async function migrate(db: Kysely<Tables>, path: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`create table if not exists schema_version (id integer primary key, version integer not null)`.execute(
      tx,
    );
    const row = await tx
      .selectFrom('schema_version')
      .select('version')
      .where('id', '=', 1)
      .executeTakeFirst();
    const version = row?.version ?? 0;
    if (version > migrations.length)
      throw new KnownError('CATALOG_NEWER', { path, version, known: migrations.length });
    for (const step of migrations.slice(version)) await step(tx);
    await tx
      .insertInto('schema_version')
      .values({ id: 1, version: migrations.length })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ version: migrations.length }))
      .execute();
  });
}
