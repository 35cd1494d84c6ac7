import type { SettingKey } from '../../src/config/index.ts';

/** One flag of the command line: how it is typed, and what it says in --help. */
export interface Flag {
  readonly key: SettingKey | 'config' | 'json';
  /** As commander takes it. */
  readonly syntax: string;
  readonly help: string;
  readonly repeatable?: boolean;
  /** Values that completion offers. */
  readonly choices?: readonly string[];
}

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
  { key: 'offline', syntax: '--offline', help: 'never use the network (these commands never do)' },
];

/** Flags of `check` alone. */
export const checkFlags: readonly Flag[] = [
  {
    key: 'report',
    syntax: '--report <format=file>',
    help: 'write this format to a file too',
    repeatable: true,
  },
  { key: 'jobs', syntax: '--jobs <n>', help: 'hashing threads (default: the cores, 6 at most)' },
  { key: 'max-rate', syntax: '--max-rate <rate>', help: 'bytes a second over all threads, such as 250MB/s' },
  { key: 'subset', syntax: '--subset <k/n>', help: 'hash one of n parts of the blobs, such as 1/7' },
  {
    key: 'max-duration',
    syntax: '--max-duration <time>',
    help: 'stop after this long, such as 10m; the next run continues',
  },
  { key: 'first-failure', syntax: '--first-failure', help: 'stop at the first blob that is not in order' },
  { key: 'quick', syntax: '--quick', help: 'hash files up to 1 MiB, leave the rest unchecked' },
  {
    key: 'fail-on',
    syntax: '--fail-on <rules>',
    help: 'rules that fail although they normally do not, such as blob-orphan,model-remote',
    repeatable: true,
  },
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

/** Commands, in the order of --help. */
export const commandNames = ['check', 'list', 'explain', 'completion'] as const;
