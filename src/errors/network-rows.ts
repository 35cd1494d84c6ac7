import { row } from './error-row.ts';

/** The rows of what is fetched, kept and served: the mirror, and the commands that ask one. */
export const networkRows = {
  QUEUE_FULL: row(
    4,
    503,
    '{waiting} models wait to be fetched already',
    'try again later, or let the mirror fetch more at once: model-mirror serve --max-jobs 4',
  ),
  CATALOG_UNUSABLE: row(
    4,
    500,
    'the catalog {path} cannot be used: {problem}',
    'check the file, its permissions and its disk; a backup of --data brings it back',
  ),
  CATALOG_NEWER: row(
    64,
    500,
    'the catalog {path} has version {version}, and this program knows {known}',
    'use the release that made it, or a newer one',
  ),
  LIST_NOT_ACCEPTED: row(
    2,
    503,
    'the allow-list is not accepted: {reason}',
    'verify-models check --allow-list FILE --key PUB says why, and what to type next',
  ),
  LISTEN_FAILED: row(
    4,
    500,
    'cannot listen on {address}: {problem}',
    'choose another address (--listen, --admin-listen, --metrics-listen), or end what listens there',
  ),
  TOO_MANY_HELD: row(
    4,
    503,
    '{held} requests wait for bytes already',
    'the client asks again; a list with chunk tables lets bytes go out sooner',
  ),
  BLOB_NOT_AS_NAMED: row(
    1,
    502,
    'the bytes that were received for {expected} are {actual}',
    'nothing of them was kept; try again, and if it stays so, ask whoever runs the upstream',
  ),
  BLOB_SIZE: row(
    1,
    502,
    'the list gives the blob {digest} {size} bytes, and this model gives it another size',
    'ask whoever published the model: a digest has one size',
  ),
  MANIFEST_REFUSED: row(
    1,
    502,
    'the manifest of {name} is not one that is passed on: {problem}',
    'ask whoever published the model; verify-models explain manifest-ambiguous says why it matters',
  ),
  UPSTREAM_NOT_FOUND: row(
    4,
    404,
    'the upstream {upstream} does not have it',
    'check the name, its spelling and its tag',
  ),
  UPSTREAM_DENIED: row(
    4,
    502,
    'the upstream {upstream} refuses: {problem}',
    'check whether the model is public, or give the mirror an identity that the upstream knows',
  ),
  UPSTREAM_ANSWER: row(
    4,
    502,
    'the upstream {upstream} answers as no registry should: {problem}',
    'nothing of it was kept; check --upstream, and whatever stands between here and there',
  ),
  UPSTREAM_REDIRECT: row(
    4,
    502,
    'the upstream {upstream} sends to {target}, which is not followed: {problem}',
    'name the host when it is right: --redirect-hosts HOST',
  ),
  UPSTREAM_UNREACHABLE: row(
    4,
    503,
    'the upstream {upstream} cannot be reached: {problem}',
    'check the network and the proxy; what was fetched is kept, and the next attempt goes on there',
  ),
  DATA_UNUSABLE: row(
    4,
    500,
    'the data directory {path} cannot be used: {problem}',
    'name another one: model-mirror --data DIR (owned by the user who runs it, and writable by nobody else)',
  ),
  STORAGE_FULL: row(
    4,
    507,
    'the mirror has no room for {needed} bytes: {free} are left',
    'model-mirror gc shows what nobody names; a larger disk, or --max-data, makes room',
  ),
  STORAGE_FAILED: row(
    4,
    500,
    'the storage of the mirror failed at {path}: {problem}',
    'check the disk, its permissions and its mount; nothing that was verified is lost',
  ),
  BLOB_BUSY: row(
    4,
    503,
    'another process is receiving {digest}',
    'wait for it; a process that died holds it for 20 seconds at most',
  ),
  BLOB_ABSENT: row(4, 404, 'the blob {digest} is not here', 'model-mirror sync fetches what is missing'),
  REPAIR_REFUSED: row(
    4,
    409,
    'nothing was changed: {problem}',
    'type the same as the user who owns the store: sudo -u OWNER verify-models ...; nobody else may be able to write there',
  ),
  REPAIR_BLOCKED: row(
    4,
    409,
    'the {layer} cannot be repaired now: {problem}',
    'what was mended is in place; the same command goes on where this one stopped',
  ),
  MODEL_NOT_LISTED: row(
    2,
    403,
    '{name} is not on the allow-list {listId} version {version}, so nothing is fetched for it',
    'remove it, or have it approved: verify-models allow {name}, then sign',
  ),
  MANIFEST_MOVED: row(
    2,
    409,
    '{name} was changed where it comes from: the allow-list approves {expected}, and {actual} is there now',
    'take it from a mirror that keeps the approved one: verify-models repair --from https://MIRROR',
  ),
} as const;
