/**
 * Every error this product raises on purpose: code, exit status, HTTP status, message and hint.
 *
 * Codes are stable; match on the code, never on the text. `{name}` in a message or hint is replaced by the fact
 * of that name. `docs/errors.md` holds the same table for users, and a test compares the two in both directions.
 *
 * `exit` is the process's exit status where the error ends a run (design: 1, 2, 4 and 8 are bits; 64 and 70 are
 * values of their own, after sysexits.h). `http` is the status a server answers with.
 */
export interface ErrorRow {
  readonly exit: 1 | 2 | 4 | 64 | 70;
  readonly http: number;
  readonly message: string;
  readonly hint?: string;
}

const row = (exit: ErrorRow['exit'], http: number, message: string, hint?: string): ErrorRow =>
  hint === undefined ? { exit, http, message } : { exit, http, message, hint };

export const errorTable = {
  USAGE: row(64, 400, '{problem}', 'verify-models --help'),
  COMMAND_UNKNOWN: row(64, 400, '{word} is neither a command nor a model in this store', '{suggestion}'),
  MODEL_MALFORMED: row(
    64,
    400,
    '{name} is not a model name: {problem}',
    'names look like llama3.2:1b or host/namespace/model:tag',
  ),
  RULE_UNKNOWN: row(64, 404, 'no rule is called {rule}', '{suggestion}'),
  CONFIG_INVALID: row(64, 400, '{source}: {problem}', 'docs/configuration.md lists every setting'),
  CONFIG_UNREADABLE: row(
    64,
    500,
    'cannot read the settings file {path}: {problem}',
    'check the path and its permissions',
  ),
  REPORT_IN_STORE: row(
    64,
    400,
    'the report {path} would lie inside the store',
    'choose a path outside the store: Ollama deletes foreign files there, and this tool never writes into it',
  ),
  REPORT_UNWRITABLE: row(
    4,
    500,
    'cannot write the report {path}: {problem}',
    'check the directory, its permissions and the free space',
  ),
  STORE_NOT_FOUND: row(
    4,
    404,
    'no Ollama store found; looked in {looked}',
    'name it: verify-models --store DIR (the directory that holds manifests/ and blobs/)',
  ),
  STORE_UNREADABLE: row(
    4,
    500,
    'cannot read the store {path}: {problem}',
    'run as a user who may read it, for example: sudo -u ollama verify-models',
  ),
  STATE_UNUSABLE: row(
    4,
    500,
    'cannot use the state directory {path}: {problem}',
    'name another one with --state DIR; it must belong to the user who runs this tool, mode 0700',
  ),
  STATE_LOCKED: row(
    4,
    503,
    'the state directory {path} is locked by another run (process {pid})',
    'wait for that run to end, or name another directory with --state DIR',
  ),
  STATE_DAMAGED: row(4, 500, 'the state file {path} is damaged: {problem}', 'remove that file: rm {path}'),
  DIGEST_MALFORMED: row(
    1,
    400,
    'not a SHA-256 digest: {value}',
    'a digest is sha256: and 64 lower-case hexadecimal digits',
  ),
  CHUNK_TABLE_MALFORMED: row(
    1,
    400,
    'not a chunk table: {problem}',
    'a table holds 32 bytes for each piece of the blob',
  ),
  STREAM_TOO_SHORT: row(1, 502, 'the stream ended after {actual} of {expected} bytes'),
  STREAM_TRAILING: row(1, 502, 'the stream goes on after its {expected} bytes'),
  STREAM_DIGEST: row(1, 502, 'the stream has the digest {actual}, expected {expected}'),
  STREAM_UNFINISHED: row(
    70,
    500,
    'the stream was asked for its verdict before it ended ({actual} of {expected} bytes)',
  ),
  FILE_CHANGED: row(4, 409, 'the file changed while it was read: {problem}'),
  FILE_UNREADABLE: row(4, 500, 'the file cannot be read: {problem}'),
  CANCELLED: row(4, 503, 'the work was cancelled before it was done'),
  NODE_TOO_OLD: row(
    64,
    500,
    'Node.js {actual} is too old: this tool needs {wanted}',
    'install a newer Node.js, or run it through npx in the checkout after npm ci',
  ),
  INTERNAL: row(70, 500, 'internal error: {problem}', 'please report it, with the command you typed'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;
