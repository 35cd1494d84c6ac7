import { error, info, warning } from './rule.ts';

const pullAgain = 'Remove that file, then pull the model again; the hint of the finding is the command.';

/** What a run says of the seal: what was proven before and need not be hashed again. */
export const sealRules = {
  'seal-used': info(
    'Blobs that have not changed since they were hashed were not hashed again.',
    'A seal sees every change through the file system, and not a disk that decays.',
    'Nothing. --full hashes every byte; --max-age says how long a proof counts.',
  ),
  'seal-not-used': info(
    'There is no seal of this store that counts, so that every blob was hashed.',
    'The first check after a copy, a restored backup or a new machine takes as long as reading everything.',
    'Nothing, unless it is said at every start: then keep the state directory (--state) and its key.',
  ),
  'verity-not-used': info(
    'No blob of the store has fs-verity, or the program fsverity is missing, although --fs-verity was given.',
    'What the kernel keeps unchanged needs no second hashing, whatever its times and however old the proof.',
    'Enable it: fsverity enable FILE, on a file system made with it.',
  ),
  'state-forgeable': warning(
    'A user other than root can write both the store and the state directory.',
    'Whoever can alter a blob there can also write a seal that says it was hashed. A check that guards a start therefore hashes everything.',
    'Run the check as another user than Ollama, for example as root with exec --user.',
  ),
};

/** What `check --running` says of the models that Ollama has loaded. */
export const runningRules = {
  'running-verified': info(
    'A model that Ollama has loaded comes from the very files that were verified, or none is loaded.',
    'What is in memory is what was checked, not only what lies on the disk.',
    'Nothing.',
  ),
  'running-altered': error(
    1,
    'Ollama has loaded a model from another file, or by another manifest, than those that were verified.',
    'What lies on the disk now is not what answers: it was replaced after it was loaded.',
    'Unload it (ollama stop MODEL); the next request loads what lies there now.',
  ),
  'running-unseen': error(
    4,
    'It could not be seen from which file a loaded model comes.',
    'The model in memory may be the verified one or not.',
    'Run as root or as the user of Ollama, on the machine and in the PID namespace of Ollama, over its store.',
  ),
} as const;

/** What may be wrong with a manifest. */
export const manifestRules = {
  'manifest-broken': error(
    1,
    'The file under manifests/ is not JSON.',
    'Ollama leaves this model out of its list and stops cleaning up the whole store.',
    'Pull the model again; that writes a new manifest.',
  ),
  'manifest-ambiguous': error(
    1,
    'Two readers of this manifest could see two different models: duplicate or case-variant keys, escapes in keys, trailing bytes, a byte order mark, sizes that are not exact integers, malformed digests, or a schema that is not an image manifest.',
    'What a verifier proves and what Ollama loads could then differ: Go reads keys without regard to case and lets the last one win.',
    'Do not run this model. Find out who wrote the file, then pull the model again.',
  ),
  'manifest-too-large': error(
    1,
    'The manifest is larger than 4 MiB.',
    'No registry serves such a manifest; real ones have a few kilobytes. It was not read.',
    'Find out who wrote the file, then pull the model again.',
  ),
  'manifest-unreadable': error(
    4,
    'The manifest could not be read: permission, I/O error, a name that vanished, or not a regular file.',
    'Nothing can be said about this model.',
    'Check permissions and the disk (dmesg, smartctl), then check again.',
  ),
  'manifest-size-wrong': error(
    1,
    'The manifest gives a blob a size that the blob, whose digest is right, does not have.',
    'The bytes are the right ones, so the manifest was altered or badly made.',
    'Pull the model again; that writes a new manifest.',
  ),
  'manifest-link': warning(
    'The manifest, or a directory above it, is a symbolic link.',
    'Ollama does not make links; whoever can change the target changes the model.',
    'Replace the link by the file itself, or pull the model again.',
  ),
  'manifest-writable': warning(
    'The manifest, or a directory above it, can be written by every user of this machine.',
    'Anyone here can replace the model between two checks.',
    'Take the permission away: chmod o-w.',
  ),
  'name-illegal': warning(
    'The path under manifests/ does not spell a model name that Ollama accepts, so Ollama skips it.',
    'Nobody can run it, yet it can switch off the clean-up at the start of Ollama, and its blobs may be deleted.',
    'Move the file out of the store.',
  ),
  'name-case-collision': warning(
    'Two models have names that differ in case only.',
    'Ollama takes either for the other, and a file system without case holds only one.',
    'Remove the one that is not wanted with ollama rm.',
  ),
  'prune-disabled': warning(
    'A file at the fourth level of manifests/ has an illegal name or no JSON in it (a .DS_Store is enough).',
    'Ollama then skips its whole clean-up at start: orphans and partial downloads pile up.',
    'Move that file out of the store.',
  ),
  'model-remote': warning(
    'Remote: prompts leave this machine. The config names another host that answers.',
    'The model looks local in a list, and what is typed into it is sent away.',
    'Remove the model where prompts must stay, or set OLLAMA_NO_CLOUD=1 on the server.',
  ),
  'config-ambiguous': error(
    1,
    'Two readers of the config blob could see two different configs.',
    'Whether prompts leave this machine is written there, and Go may read it differently from this tool.',
    'Do not run this model. Find out who made it.',
  ),
} as const;

/** What may be wrong with a blob. */
export const blobRules = {
  'blob-missing': error(
    8,
    'A manifest names a blob that is not in blobs/.',
    'The model will not load; ollama list shows it all the same.',
    'Pull the model again; only what is missing is downloaded.',
  ),
  'blob-altered': error(
    1,
    'The bytes of the blob do not have the digest that names them, and a second reading gave the same wrong digest.',
    'The file was changed after it was downloaded, or was never right. Ollama loads it without looking, and ollama pull keeps it.',
    pullAgain,
  ),
  'blob-unstable': error(
    1,
    'Two readings of the blob gave two different digests, at least one of them wrong.',
    'Memory, cable, controller or disk is failing; the file itself may be sound.',
    'Test the memory (memtest86+) and the disk (smartctl -a) before you repair anything, then check again.',
  ),
  'blob-wrong-size': error(
    1,
    'The blob is shorter or longer than its manifest says.',
    'A download or a copy was cut off, or something was appended. It was not hashed: the size is proof enough.',
    pullAgain,
  ),
  'blob-empty': error(
    1,
    'The blob is an empty file, and its digest is not that of nothing (e3b0c442...).',
    'A registry that answered HEAD without a length makes Ollama store an empty file and take it for the blob.',
    pullAgain,
  ),
  'blob-zero-filled': error(
    1,
    'Every byte of the blob is zero, and its digest is not that of zeros.',
    'A crash or a power cut left a file of the right size whose data never reached the disk.',
    pullAgain,
  ),
  'orphan-altered': error(
    1,
    'A blob that no manifest names does not have the digest that names it.',
    "Ollama's next pull of a model with this blob takes the file for the real one and says success.",
    'Remove that file; nothing uses it.',
  ),
  'blob-unreadable': error(
    4,
    'The blob could not be read: permission or I/O error, or it vanished.',
    'Nothing can be said about these bytes.',
    'Check permissions and the disk (dmesg, smartctl), then check again.',
  ),
  'blob-not-regular': error(
    4,
    'In the place of a blob lies a FIFO, a socket, a device or a directory.',
    'Ollama could hang on it; it cannot be a blob. It was not opened.',
    pullAgain,
  ),
  'blob-changed': error(
    4,
    'The blob changed while it was read.',
    'What was hashed is not what lies there now, so nothing is proven.',
    'Stop what writes there (ollama ps, a running pull), then check again.',
  ),
  'blob-link-outside': error(
    4,
    'The blob is a symbolic link that leaves the store.',
    'Whoever controls the target controls the model. The target was not read.',
    'If the link is yours, allow it: --follow-links-into DIR. The real file is then hashed.',
  ),
  'blob-link-loop': error(
    4,
    'The blob is a symbolic link that leads to itself.',
    'There are no bytes to check, and the model will not load.',
    pullAgain,
  ),
  'blob-link': warning(
    'The blob is a symbolic link to a place inside the store, or to one that --follow-links-into allows.',
    'The real file was hashed; Ollama does not make links.',
    'Nothing, if the link is yours.',
  ),
  'blob-hard-link': warning(
    'The blob has a second name (a hard link) somewhere on this disk.',
    'Whoever may write the other name changes this blob.',
    'Find the other name: find MOUNTPOINT -inum N.',
  ),
  'blob-writable': warning(
    'The blob, or the blobs directory, can be written by every user of this machine.',
    'Anyone here can replace the model between two checks.',
    'Take the permission away: chmod o-w.',
  ),
  'volume-group-writable': warning(
    'The store belongs to a group that may write into it and into what is made there (setgid): an fsGroup.',
    'Every container of the pod is in that group, Ollama too, and can replace a model between two checks.',
    'Mount the volume with readOnly: true into the container of Ollama.',
  ),
  'blob-name-case': warning(
    'The blob has upper-case digits in its name.',
    'Ollama can never verify such a name, and deletes the file at its next start.',
    'Remove the file, then pull the model again.',
  ),
  'blob-name-colon': warning(
    'The blob has the old name sha256:... with a colon.',
    'At its next start Ollama renames it over the blob of the same digest, whatever is in it.',
    'Where the blob lies there under its proper name too, remove this file; else start Ollama once.',
  ),
} as const;

/** What lies beside, and what a run could not do. */
export const otherRules = {
  'blob-orphan': info(
    'No manifest that Ollama reads names this blob.',
    'It only takes space; Ollama deletes it at its next start when it is older than an hour.',
    'Nothing, or start Ollama once.',
  ),
  'blob-partial': info(
    'A download that was not finished.',
    'It only takes space; a new pull continues it, and Ollama deletes it at its next start when it is older than an hour.',
    'Pull the model again, or nothing.',
  ),
  'blob-foreign': warning(
    'A file in blobs/ whose name is not that of a blob.',
    'Ollama deletes it at its next start when it is older than an hour.',
    'Move it out of the store if you need it.',
  ),
  'store-unreadable': error(
    4,
    'A directory of the store could not be read, or is not a directory, or is too deep, or changed while it was read.',
    'What lies there was not checked.',
    'Check permissions and the disk, then check again.',
  ),
  'store-swappable': warning(
    'A user other than root, the one who checks and the owner of the store can put another store in its place: by a directory above it, or by a link on the way to it.',
    'What is checked now and what is read later may be two stores.',
    'Keep the store below directories of root or of its owner, which nobody else can write.',
  ),
  'store-link-outside': error(
    4,
    'A directory of the store is a symbolic link that leaves it.',
    'What lies there was not read.',
    'If the link is yours, allow it: --follow-links-into DIR.',
  ),
  'check-failed': error(
    4,
    'Watch could not make the check: the store went away, or the allow-list cannot be opened.',
    'Nothing is known of the store until the next check.',
    'Bring back what is named; watch looks again every minute.',
  ),
  'cache-not-bypassed': info(
    'The second reading of a bad blob could not go past the page cache.',
    'A fault of the memory cannot be told from a fault of the file with certainty.',
    'Check again after a restart, or on a file system that knows O_DIRECT.',
  ),
  'check-partial': info(
    'This run did not hash every blob, because it was asked not to or was cut short.',
    'A model with a blob that was not hashed is unchecked, never ok.',
    'Run verify-models without the flag that limits it.',
  ),
  'state-unusable': warning(
    'The state directory could not be used, so nothing was remembered for the next run.',
    'A run limited by --max-duration starts at the same place again.',
    'Name a directory of your own: --state DIR.',
  ),
} as const;
