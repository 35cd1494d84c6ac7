import type Database from 'better-sqlite3';
import { CompiledQuery, type DatabaseConnection, SqliteDialect, SqliteDriver } from 'kysely';

/**
 * A transaction that reads before it writes fails at once where another process wrote in between, whatever it would wait
 * for its turn (SQLite, "Write-Ahead Logging": SQLITE_BUSY_SNAPSHOT). Here each one waits before it begins.
 */
class PatientDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

/** SQLite, with transactions that are all meant to write. */
export class CatalogDialect extends SqliteDialect {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    super({ database });
    this.#database = database;
  }

  override createDriver(): SqliteDriver {
    return new PatientDriver({ database: this.#database });
  }
}
