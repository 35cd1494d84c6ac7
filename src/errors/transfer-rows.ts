import { row } from './error-row.ts';

/** The rows of archives: what is written for the other side of a gap, and what is read there. */
export const transferRows = {
  ARCHIVE_UNREADABLE: row(
    4,
    404,
    'cannot read the archive {path}: {problem}',
    'check the medium and its mount; the same command goes on where this one stopped',
  ),
  ARCHIVE_UNKNOWN: row(
    64,
    400,
    '{path} is no archive of this tool: {problem}',
    'name a file or a volume that model-mirror export wrote, or a directory with them',
  ),
  ARCHIVE_MALFORMED: row(
    1,
    400,
    'the archive is refused at {where}: {problem}',
    'nothing of it was taken; model-mirror export writes no such archive, so ask whoever sent it',
  ),
  ARCHIVE_TRUNCATED: row(
    1,
    400,
    'the archive ends in {where}, after {actual} of {expected} bytes',
    'nothing became visible; bring the whole archive, and the same command goes on where this one stopped',
  ),
  ARCHIVE_ALTERED: row(
    1,
    400,
    '{where} in the archive is altered: expected {expected}, found {actual}',
    'nothing became visible; bring the archive again, and the same command goes on where this one stopped',
  ),
  VOLUME_DAMAGED: row(
    1,
    400,
    'volume {number} of {count} is damaged: {problem}; to be brought: {numbers}',
    'on the sending side: model-mirror export with the same words and --volumes {numbers}',
  ),
  VOLUMES_MIXED: row(
    64,
    400,
    'these are parts of {archives} archives: {found}',
    'name the volumes of one archive',
  ),
  ARCHIVE_SENDER: row(
    2,
    403,
    'the index of the archive is not accepted: {problem}',
    'bring the signature that export wrote beside the archive (NAME.sigstore.jsonl), or give the right --sender',
  ),
  ARCHIVE_BASE: row(
    4,
    409,
    'the archive holds what changed, and {count} blobs that it leaves out are not here, such as {digest}',
    'import the archive first that it follows, or export once more without --since',
  ),
  NO_ROOM: row(
    4,
    507,
    'there is no room for {needed} bytes in {path}: {free} are free',
    'nothing was written; make room, or choose another place',
  ),
  OUTPUT_THERE: row(
    64,
    409,
    '{path} is there already, and it is not this archive',
    'name another file, or remove that one',
  ),
  PAPER_UNREADABLE: row(
    4,
    404,
    'cannot read {path}: {problem}',
    'check the path; signature and transfer record are NAME.sigstore.jsonl and NAME.transfer.jsonl beside the archive',
  ),
  OUTPUT_BUSY: row(
    4,
    409,
    'another process is writing {path}',
    'wait for it, or name another file; a process that died holds it for 20 seconds at most',
  ),
  BLOB_ROTTEN: row(
    1,
    500,
    'the blob {expected} of this mirror is altered: it is {actual}',
    'nothing was finished; model-mirror scrub puts it aside and fetches it again, then export once more',
  ),
  MODEL_ABSENT: row(4, 404, '{name} is not in this mirror', 'model-mirror sync {name}'),
  INSTALL_BLOCKED: row(
    4,
    409,
    '{name} cannot be put into the store now: {problem}',
    'what was received waits beside the store; the same command goes on where this one stopped',
  ),
  NAME_UNSTORABLE: row(
    64,
    400,
    '{name} cannot be stored on this machine: {problem}',
    'install it on Linux, or list and export it under a name of the official library',
  ),
  RECORD_BROKEN: row(
    1,
    400,
    'the transfer record is broken at entry {entry}: {problem}',
    'somebody changed it, or it belongs to another archive: compare it with the printed sheet',
  ),
  LOG_BROKEN: row(
    1,
    500,
    'the audit log is broken at record {seq}: {problem}',
    'somebody changed the catalog: keep it for whoever investigates, and restore a backup of --data',
  ),
} as const;
