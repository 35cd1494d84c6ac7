import type Database from 'better-sqlite3';
import {
  CompiledQuery,
  type DatabaseConnection,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
} from 'kysely';

/** Statements that are kept prepared; there are some 40 texts, and more where rows are inserted several at once. */
const statementLimit = 256;

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
  readonly #database: SqliteDatabase;

  constructor(database: Database.Database) {
    const kept = keepingStatements(database);
    super({ database: kept });
    this.#database = kept;
  }

  override createDriver(): SqliteDriver {
    return new PatientDriver({ database: this.#database });
  }
}

/**
 * Each text is prepared once. A prepared statement is memory that Node.js does not count and gives back when it happens
 * to collect: an import of 5,000 models had half a gigabyte of them.
 */
function keepingStatements(database: Database.Database): SqliteDatabase {
  const statements = new Map<string, ReturnType<SqliteDatabase['prepare']>>();
  return {
    close: () => void database.close(),
    prepare(sql) {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const statement = database.prepare(sql);
      if (statements.size >= statementLimit) statements.clear();
      statements.set(sql, statement);
      return statement;
    },
  };
}
