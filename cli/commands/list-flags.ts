import { type Flag, flag } from './flag.ts';

const allowList = flag('--allow-list <file>', 'the allow-list (allow: allow-list.json when it is not given)');
const chunks = flag('--chunks <dir>', 'chunk tables of the list (default: chunks beside it)');
const listId = flag(
  '--list-id <id>',
  'the list must have this id (default: that of its place, once accepted)',
);
const jobs = flag('--jobs <n>', 'hashing threads (default: the cores, 6 at most)');
const trust = flag('--trust <file>', 'trust policy by which approvals count');

/** Flags of `check` that concern the allow-list. */
export const listFlags: readonly Flag[] = [
  allowList,
  flag('--key <pub>', 'public key of the one signer who approves the list'),
  trust,
  listId,
  chunks,
  flag('--whole', 'whole digests even where there is a chunk table; holds the tables against the bytes'),
  flag('--exact', 'refuse a manifest that was written again with the same content'),
  flag('--allow-copies', 'accept content that is listed under another name'),
  flag('--require-all', 'every listed model must be in the store'),
  flag('--require-allow-list', 'nothing passes without an acceptable list (for hooks)'),
  flag('--expect-digest <digest>', 'the list must have this SHA-256'),
  flag('--min-version <n>', 'the list must have this version or a later one; 1 binds nothing'),
  flag('--allow-expired', 'accept a list whose approval has expired, loudly'),
];

/** Flags of the commands that use the network. */
export const networkFlags: readonly Flag[] = [
  flag('--from <url>', 'a mirror; repair: or upstream, where each model is from by its name'),
  flag('--ca <file>', 'an extra certificate authority, PEM'),
];

export const allowFlags: readonly Flag[] = [
  allowList,
  ...networkFlags,
  flag('--all', 'every model of the store'),
  flag('--remove <model>', 'take a model off the list', { repeatable: true }),
  flag('--note <text>', 'why it is on the list, for people'),
  flag('--source <text>', 'where it came from, for people'),
  flag('--list-id <id>', 'name of a new list, kept for ever (default: models)'),
  chunks,
  jobs,
  flag('--max-rate <rate>', 'bytes a second over all threads, such as 250MB/s'),
];

export const signFlags: readonly Flag[] = [
  flag('--key <key>', 'private key: PKCS#8 PEM, or as cosign and keygen make it'),
  flag('--keyless', 'sign with an identity instead of a key: SIGSTORE_ID_TOKEN, or that of this CI'),
  flag(
    '--identity-token <token>',
    'the same with this token; others on this machine can read it: better SIGSTORE_ID_TOKEN',
  ),
  flag(
    '--fulcio-url <url>',
    'certificate authority (default: the public one); with --rekor-url or --tsa-url',
  ),
  flag('--rekor-url <url>', 'transparency log (default: the public one, unless --tsa-url)'),
  flag('--tsa-url <url>', 'timestamp authority'),
  flag('--expires <days>', 'days until the approval expires (default: 90d)'),
  flag('--renew', 'approve unchanged bytes again, with a new expiry'),
  flag('--subjects', "name the models' manifests too, so that stock tools find one model's approval"),
  flag('--statement-only', 'print the exact bytes to sign, for cosign attest-blob --statement'),
  flag('--manifests-unseen', 'take the word of whoever made the list for manifests that are not at hand'),
  flag('--tables-unseen', 'take the word of whoever made the chunk tables'),
  trust,
  chunks,
  jobs,
];

export const fetchFlags: readonly Flag[] = [
  ...networkFlags,
  allowList,
  flag('--key <pub>', 'public key of the one signer who approves the list'),
  trust,
  listId,
  chunks,
  flag('--expect-digest <digest>', 'the list must have this SHA-256'),
  flag('--min-version <n>', 'the list must have this version or a later one'),
  flag('--state <dir>', 'state directory (default: XDG, /var/lib/verify-models for root)'),
];

export const repairFlags: readonly Flag[] = [
  ...fetchFlags,
  jobs,
  flag('--max-rate <rate>', 'bytes a second that are hashed, such as 250MB/s'),
  flag('--progress <kind>', 'auto, bar, plain or none', { choices: ['auto', 'bar', 'plain', 'none'] }),
];

export const installFlags: readonly Flag[] = [
  flag('--dry-run', 'say what would be done, and write nothing'),
  flag('--policy <policy>', 'observe: install what is whole, without an allow-list', {
    choices: ['enforce', 'observe'],
  }),
  flag('--sender <pub>', 'the archive must be signed by this key; one of several', { repeatable: true }),
  flag('--signature <file>', 'the signature of the archive (default: NAME.sigstore.jsonl beside it)'),
  flag('--record <file>', 'its transfer record (default: NAME.transfer.jsonl beside it)'),
  flag('--custody-key <key>', 'private key that signs what was taken (default: one of this host)'),
  flag('--custodian <name>', 'who has the medium, for the transfer record'),
  flag('--media-id <id>', 'what the medium is called, for the transfer record'),
  flag('--seal <number>', 'number of the seal on it, for the transfer record'),
  ...repairFlags.filter(({ key }) => key !== 'from'),
];

export const trustFlags: readonly Flag[] = [
  flag('--trust <file>', 'the policy (default: trust.json)'),
  flag('--signer <name=pub>', 'init: a signer and the key, or NAME=SAN,ISSUER', { repeatable: true }),
  flag('--key <pub>', 'add-signer: the public key'),
  flag('--identity <san>', 'add-signer: the identity of a keyless signer, compared exactly'),
  flag('--issuer <url>', 'add-signer: who vouches for the identity'),
  flag('--role <role>', 'add-signer: root, list or both', { choices: ['root', 'list', 'both'] }),
  flag('--from <date>', 'add-signer: the key counts from this day on'),
  flag('--to <date>', 'add-signer: the key counts until this day'),
  flag('--remove <name>', 'rotate: a signer who goes', { repeatable: true }),
  flag('--threshold <n>', 'approvals that are needed, for lists and policies'),
  flag('--root-threshold <n>', 'approvals that the next policy needs'),
  flag('--list-threshold <n>', 'approvals that a list needs'),
  flag('--min-list-version <n>', 'revoke every list before this version'),
  flag('--max-validity-days <n>', 'longest validity of an approval (default: 90)'),
  flag('--grace-days <n>', 'an accepted list goes on this long after it expired (default: 0)'),
  flag('--list-id <id>', 'the list (default: that of allow-list.json)'),
  flag('--allow-list <file>', 'the list whose id is meant'),
  flag('--state <dir>', 'accept-clock: the state directory'),
];
