import { type ErrorRow, row } from './error-row.ts';
import { networkRows } from './network-rows.ts';
import { transferRows } from './transfer-rows.ts';

/**
 * Every error this product raises on purpose: code, exit status, HTTP status, message and hint.
 *
 * Codes are stable; match on the code, never on the text. `{name}` in a message or hint is replaced by the fact
 * of that name. `docs/errors.md` holds the same table for users, and a test compares the two in both directions.
 */
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
    'see that it is there (ls -ld), and run as a user who may read it, for example: sudo -u ollama verify-models',
  ),
  STORE_MOVED: row(
    4,
    500,
    'nothing was started: {path} changed between its check and the start ({problem})',
    'stop what writes there (ollama ps, a running pull), then try again',
  ),
  START_REFUSED: row(
    4,
    409,
    'nothing was started: {problem}',
    'verify-models shows what is wrong with the store, and the command that mends it',
  ),
  COMMAND_NOT_FOUND: row(
    127,
    404,
    'nothing was started: there is no command {command} on PATH',
    'type its whole path, or set PATH',
  ),
  COMMAND_NOT_EXECUTABLE: row(
    126,
    400,
    'nothing was started: {command} cannot be run: {problem}',
    'look at it: ls -l, file',
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
  SEAL_KEY_UNUSABLE: row(
    4,
    500,
    'cannot use the key of the seal {path}: {problem}',
    'name another file with --seal-key FILE: 16 to 4096 bytes that not everybody can write',
  ),
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
  OLLAMA_UNREACHABLE: row(
    4,
    502,
    'cannot ask Ollama at {url}: {problem}',
    'is it running? OLLAMA_HOST names another port of this machine',
  ),
  FILE_CHANGED: row(4, 409, 'the file changed while it was read: {problem}'),
  FILE_UNREADABLE: row(4, 500, 'the file cannot be read: {problem}'),
  CANCELLED: row(4, 503, 'the work was cancelled before it was done'),
  LIST_MALFORMED: row(1, 400, 'not an allow-list: {problem}'),
  LIST_CONTRADICTS: row(
    2,
    409,
    'the allow-list contradicts the manifest that it pins for {name}: {problem}',
    'verify-models explain list-contradicts-manifest',
  ),
  LIST_UNREADABLE: row(
    4,
    404,
    'cannot read the allow-list {path}: {problem}',
    'make one: verify-models allow --all --allow-list {path}',
  ),
  TRUST_MALFORMED: row(1, 400, 'not a trust policy: {problem}'),
  TRUST_UNREADABLE: row(
    4,
    404,
    'cannot read the trust policy {path}: {problem}',
    'make one: verify-models trust init',
  ),
  TRUSTED_ROOT_UNUSABLE: row(4, 400, 'cannot use the trusted root: {problem}'),
  KEY_UNREADABLE: row(64, 404, 'cannot read the key {path}: {problem}', 'make one: verify-models keygen'),
  KEY_UNUSABLE: row(64, 400, 'cannot use the key: {problem}', 'make one: verify-models keygen'),
  KEY_IS_PRIVATE: row(
    64,
    400,
    'this is a private key where a public one belongs',
    'give the file that ends in .pub, and keep the other one to yourself',
  ),
  KEY_IS_PUBLIC: row(
    64,
    400,
    'this is a public key where a private one belongs',
    'give the file that ends in .key',
  ),
  KEY_PASSPHRASE: row(
    64,
    400,
    'the passphrase does not open the key',
    'type it again, or set VERIFY_MODELS_PASSPHRASE',
  ),
  FILE_UNWRITABLE: row(
    4,
    500,
    'cannot write {path}: {problem}',
    'check the directory, its permissions and the free space',
  ),
  PASSPHRASE_NEEDED: row(
    64,
    400,
    'a passphrase is needed, and there is no terminal to ask on',
    'set VERIFY_MODELS_PASSPHRASE (or COSIGN_PASSWORD)',
  ),
  IDENTITY_TOKEN: row(
    64,
    400,
    'no identity token to sign with: {problem}',
    'set SIGSTORE_ID_TOKEN, sign in a CI that has an identity, or sign with a key: verify-models sign --key KEY',
  ),
  SIGNING_SERVICE: row(
    4,
    502,
    'cannot sign without a key: {problem}',
    'check the addresses of the services and the network, or sign with a key: verify-models sign --key KEY',
  ),
  ALREADY_APPROVED: row(
    64,
    409,
    'the key {key} has approved these bytes already',
    'verify-models sign --renew makes a new approval with a later expiry',
  ),
  STORE_NOT_SOUND: row(
    1,
    409,
    'nothing is listed: {problem}',
    'verify-models   (with the same --store: shows what is wrong, and the command that mends it)',
  ),
  MANIFESTS_UNSEEN: row(
    64,
    409,
    'the manifests of {count} listed models are not at hand, so that nobody can see what they name: {problem}',
    'sign where the models are (--store DIR), or with manifests/ beside the list, or take the word of whoever made the list: --manifests-unseen',
  ),
  TABLES_UNSEEN: row(
    64,
    409,
    'the chunk tables of {count} blobs were not checked against their bytes: {problem}',
    'sign where the models are (--store DIR), or take the word of whoever made the tables: --tables-unseen',
  ),
  ...networkRows,
  ...transferRows,
  NODE_TOO_OLD: row(
    64,
    500,
    'Node.js {actual} is too old: this tool needs {wanted}',
    'install a newer Node.js, or run it through npx in the checkout after npm ci',
  ),
  INTERNAL: row(70, 500, 'internal error: {problem}', 'please report it, with the command you typed'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;
