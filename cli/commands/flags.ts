import type { Flag } from './flag.ts';
import {
  allowFlags,
  fetchFlags,
  installFlags,
  listFlags,
  networkFlags,
  repairFlags,
  signFlags,
  trustFlags,
} from './list-flags.ts';

export type { Flag } from './flag.ts';
export { installFlags, networkFlags };
/** Flags of every command. */
export const commonFlags: readonly Flag[] = [
  {
    key: 'store',
    syntax: '--store <dir>',
    help: "Ollama's models directory (default: OLLAMA_MODELS, then the usual places)",
  },
  {
    key: 'config',
    syntax: '--config <file>',
    help: 'settings file (default: /etc/verify-models/config.yaml)',
  },
  {
    key: 'format',
    syntax: '--format <format>',
    help: 'what stdout gets: text, json, jsonl, sarif or junit',
    choices: ['text', 'json', 'jsonl', 'sarif', 'junit'],
  },
  { key: 'json', syntax: '--json', help: 'short for --format json' },
  { key: 'quiet', syntax: '--quiet', help: 'only what fails, and the exit status' },
  {
    key: 'follow-links-into',
    syntax: '--follow-links-into <dir>',
    help: 'links of the store may lead into this directory',
    repeatable: true,
  },
  { key: 'offline', syntax: '--offline', help: 'never use the network' },
];

/** Flags of `exec` alone. */
const userFlag: Flag = {
  key: 'user',
  syntax: '--user <user>',
  help: 'become this user after the check: a name, a number, or UID:GID (needs root)',
};

const onFailFlag: Flag = {
  key: 'on-fail',
  syntax: '--on-fail <action>',
  help: 'stop (default), quarantine what is bad, or serve-allowed: a view of what is approved',
  choices: ['stop', 'quarantine', 'serve-allowed'],
};

/** Flags of every check, whole or not. */
const everyCheckFlags: readonly Flag[] = [
  {
    key: 'report',
    syntax: '--report <format=file>',
    help: 'write this format to a file too',
    repeatable: true,
  },
  { key: 'jobs', syntax: '--jobs <n>', help: 'hashing threads (default: the cores, 6 at most)' },
  { key: 'max-rate', syntax: '--max-rate <rate>', help: 'bytes a second over all threads, such as 250MB/s' },
  {
    key: 'full',
    syntax: '--full',
    help: 'hash every byte, whatever the seal says, and make the seal anew',
  },
  { key: 'max-age', syntax: '--max-age <time>', help: 'how long a proof in the seal counts (default: 7d)' },
  {
    key: 'seal-key',
    syntax: '--seal-key <file>',
    help: 'the key of the seal (default: made in the state directory)',
  },
  {
    key: 'fs-verity',
    syntax: '--fs-verity',
    help: 'keep what the kernel says of files with fs-verity in the seal, and take it for proof (program fsverity)',
  },
  {
    key: 'termination-log',
    syntax: '--termination-log <file>',
    help: 'why the check failed or nothing was started, in one line (default: /dev/termination-log where it exists)',
  },
  {
    key: 'fail-on',
    syntax: '--fail-on <rules>',
    help: 'rules that fail although they normally do not, such as blob-orphan,model-remote',
    repeatable: true,
    separator: ',',
  },
  ...listFlags,
  {
    key: 'state',
    syntax: '--state <dir>',
    help: 'state directory (default: XDG, /var/lib/verify-models for root)',
  },
  {
    key: 'progress',
    syntax: '--progress <kind>',
    help: 'auto, bar, plain or none',
    choices: ['auto', 'bar', 'plain', 'none'],
  },
];

/** Flags of `check`. */
export const checkFlags: readonly Flag[] = [
  {
    key: 'sealed',
    syntax: '--sealed',
    help: 'hash only what changed since it was hashed last, and keep a seal',
  },
  {
    key: 'running',
    syntax: '--running',
    help: 'ask the Ollama of this machine what it has loaded, and compare (Linux)',
  },
  { key: 'subset', syntax: '--subset <k/n>', help: 'hash one of n parts of the blobs, such as 1/7' },
  {
    key: 'max-duration',
    syntax: '--max-duration <time>',
    help: 'stop after this long, such as 10m; the next run continues',
  },
  { key: 'first-failure', syntax: '--first-failure', help: 'stop at the first blob that is not in order' },
  { key: 'quick', syntax: '--quick', help: 'hash files up to 1 MiB, leave the rest unchecked' },
  ...everyCheckFlags,
];

/** Flags of `watch`. */
export const watchFlags: readonly Flag[] = [
  { key: 'every', syntax: '--every <time>', help: 'a full pass this often, such as 12h (default: 1d)' },
  {
    key: 'on-finding',
    syntax: '--on-finding <command>',
    help: 'a program that gets new findings as JSON on its stdin; never through a shell',
  },
  {
    key: 'textfile',
    syntax: '--textfile <file>',
    help: 'a file for the textfile collector of the node exporter',
  },
  {
    key: 'metrics-listen',
    syntax: '--metrics-listen <address>',
    help: 'serve /metrics, /healthz and /readyz here, such as 127.0.0.1:9435',
  },
  ...everyCheckFlags.filter(({ key }) => !['report', 'full', 'termination-log', 'progress'].includes(key)),
];

/** Flags of `exec`: those of a check that leaves nothing unread. */
export const execFlags: readonly Flag[] = [userFlag, onFailFlag, ...everyCheckFlags];

/** Commands, in the order of --help. */
export const commandNames = [
  'check',
  'list',
  'keygen',
  'allow',
  'sign',
  'diff',
  'trust',
  'fetch',
  'repair',
  'exec',
  'install',
  'watch',
  'explain',
  'copy-self',
  'completion',
] as const;

export type CommandName = (typeof commandNames)[number];

export const commandHelp: Readonly<Record<CommandName, string>> = {
  check: 'read the store, verify everything (the default command)',
  list: 'models with size, parameters, quantisation and id; hashes nothing but configs',
  keygen: 'make a pair of keys: NAME.key and NAME.pub',
  allow: 'verify models, then add or update them in an allow-list',
  sign: 'approve an allow-list or a trust policy',
  diff: 'what changed between two lists, or a list and the store',
  trust: 'who may approve: make, change, rotate and show a trust policy',
  fetch: 'take a newer list, its approvals and tables from a mirror, after every check',
  repair: 'fetch what is altered or missing in a store, and nothing else; what was there is kept',
  exec: 'check, then become COMMAND; never start it when the check fails',
  install: 'put models of an archive, or of a mirror, into a store, under their own names',
  watch: 'stay, check what changes and everything on a schedule, serve metrics',
  explain: 'what a rule means, why it matters, what to do',
  'copy-self': 'put this program, in one file, into DIR: a volume that a container without Node.js shares',
  completion: 'a completion script for your shell',
};

/** The flags of each command, beside the common ones. */
export const ownFlags: Readonly<Record<CommandName, readonly Flag[]>> = {
  check: checkFlags,
  list: [],
  keygen: [],
  allow: allowFlags,
  sign: signFlags,
  diff: [],
  trust: trustFlags,
  fetch: fetchFlags,
  repair: repairFlags,
  exec: execFlags,
  install: installFlags,
  watch: watchFlags,
  explain: [],
  'copy-self': [],
  completion: [],
};

/** Every flag once, by name. */
export const everyFlag: readonly Flag[] = [
  ...new Map(
    [...commonFlags, ...Object.values(ownFlags).flat()].map((flag) => [nameOf(flag), flag]),
  ).values(),
];

/** `--max-rate` of `--max-rate <rate>`. */
export function nameOf({ syntax }: Flag): string {
  return syntax.split(' ', 1)[0] ?? '';
}

/** What stands for the value in the syntax: `rate`, `dir`, `format=file`; undefined for a flag that takes none. */
export const operandOf = ({ syntax }: Flag): string | undefined => /<(.+)>/.exec(syntax)?.[1];
