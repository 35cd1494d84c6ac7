import { type MirrorSettingKey, mirrorSettingKeys } from '../../src/config/index.ts';

/** One flag: as commander takes it, and what it says. */
export interface MirrorFlag {
  /** The setting it stands for, or its own name. */
  readonly key: string;
  readonly syntax: string;
  readonly help: string;
  readonly repeatable?: boolean;
}

const flags: Readonly<Record<MirrorSettingKey, Omit<MirrorFlag, 'key'>>> = {
  data: {
    syntax: '--data <dir>',
    help: 'where the mirror keeps everything (default: the XDG data directory)',
  },
  listen: { syntax: '--listen <host:port>', help: 'where clients pull (default: 127.0.0.1:11435)' },
  'admin-listen': { syntax: '--admin-listen <host:port>', help: 'health and metrics; nowhere by default' },
  'public-host': {
    syntax: '--public-host <name>',
    help: 'serve: another name that clients type for a mirror on 127.0.0.1, behind a proxy',
    repeatable: true,
  },
  upstream: {
    syntax: '--upstream <url>',
    help: 'where models come from (default: https://registry.ollama.ai); MIRRORHOST=URL for another one',
    repeatable: true,
  },
  'redirect-hosts': {
    syntax: '--redirect-hosts <domain>',
    help: 'to which an upstream may redirect, beside the known ones',
    repeatable: true,
  },
  identity: {
    syntax: '--identity <key>',
    help: 'key of an Ollama installation, to sign in at upstreams with',
  },
  'allow-list': { syntax: '--allow-list <file>', help: 'the allow-list; needs --key or --trust' },
  key: { syntax: '--key <pub>', help: 'public key of the one signer who approves the list' },
  trust: { syntax: '--trust <file>', help: 'trust policy by which approvals count' },
  'list-id': { syntax: '--list-id <id>', help: 'the list must have this id (default: that of its place)' },
  chunks: { syntax: '--chunks <dir>', help: 'chunk tables of the list (default: chunks beside it)' },
  'expect-digest': { syntax: '--expect-digest <digest>', help: 'the list must have this SHA-256' },
  policy: { syntax: '--policy <policy>', help: 'enforce (default with a list) or observe' },
  'fetch-unlisted': {
    syntax: '--fetch-unlisted',
    help: 'observe: fetch for other machines what is on no list',
  },
  contact: { syntax: '--contact <text>', help: 'whom a person asks who was refused' },
  anonymous: { syntax: '--anonymous', help: 'serve other machines without knowing who they are' },
  'tls-cert': { syntax: '--tls-cert <file>', help: 'certificate chain, PEM; needs --tls-key' },
  'tls-key': { syntax: '--tls-key <file>', help: 'its private key, PEM' },
  ca: { syntax: '--ca <file>', help: 'an extra certificate authority for upstreams, PEM' },
  proxy: { syntax: '--proxy <url>', help: 'HTTP proxy for upstreams (default: HTTPS_PROXY)' },
  'max-jobs': { syntax: '--max-jobs <n>', help: 'models that are fetched at once (default: 2)' },
  'max-per-address': {
    syntax: '--max-per-address <n>',
    help: 'serve: connections of one client address at once (default: 512)',
  },
  'max-data': { syntax: '--max-data <size>', help: 'bytes that all blobs may take, such as 2TB' },
  'max-rate': { syntax: '--max-rate <rate>', help: 'scrub: bytes a second, such as 100MB/s' },
  every: { syntax: '--every <time>', help: 'sync: stay, and do it again each 10m or 12h' },
  sender: {
    syntax: '--sender <pub>',
    help: 'import: the archive must be signed by this key; one of several',
    repeatable: true,
  },
  'custody-key': {
    syntax: '--custody-key <key>',
    help: 'private key that signs what is sent and taken (default: one of this mirror)',
  },
  custodian: { syntax: '--custodian <name>', help: 'who has the medium, for the transfer record' },
  'log-level': { syntax: '--log-level <level>', help: 'debug, info (default), warn or error' },
  format: { syntax: '--format <format>', help: 'what stdout gets: text or json' },
  progress: { syntax: '--progress <kind>', help: 'auto, bar, plain or none' },
  quiet: { syntax: '--quiet', help: 'only what fails' },
};

const extra: readonly MirrorFlag[] = [
  {
    key: 'config',
    syntax: '--config <file>',
    help: 'settings file (default: /etc/model-mirror/config.yaml)',
  },
  { key: 'json', syntax: '--json', help: 'short for --format json' },
];

/** Settings that mean something for archives alone. */
const ofTransfers: readonly MirrorSettingKey[] = ['sender', 'custody-key', 'custodian'];

/** The flag of every setting. */
export const mirrorFlags: readonly MirrorFlag[] = [
  ...mirrorSettingKeys.map((key) => ({ key, ...flags[key] })),
  ...extra,
];

/** Flags of every command. */
export const commonFlags: readonly MirrorFlag[] = mirrorFlags.filter(
  ({ key }) => !ofTransfers.some((own) => own === key),
);

/** A flag that is no setting. */
const own = (syntax: string, help: string, repeatable = false): MirrorFlag => ({
  key: (/--([a-z-]+)/.exec(syntax)?.[1] ?? '').replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
  ...{ syntax, help, repeatable },
});

const setting = (key: MirrorSettingKey): MirrorFlag => ({ key, ...flags[key] });

const custodyFlags: readonly MirrorFlag[] = [
  setting('custody-key'),
  setting('custodian'),
  own('--media-id <id>', 'what the medium is called, for the transfer record'),
  own('--seal <number>', 'number of the seal on it, for the transfer record'),
];

const besideFlags: readonly MirrorFlag[] = [
  setting('sender'),
  own('--signature <file>', 'the signature of the archive (default: NAME.sigstore.jsonl beside it)'),
  own('--record <file>', 'its transfer record (default: NAME.transfer.jsonl beside it)'),
];

export const gcFlags: readonly MirrorFlag[] = [own('--yes', 'remove what is shown')];

export const exportFlags: readonly MirrorFlag[] = [
  own('-o, --output <path>', 'the archive, FILE.tar, or a directory that gets it'),
  own('--all', 'every model that is here (default: every listed one)'),
  own('--split <size>', 'volumes of this size, such as 4GB: each can be verified alone'),
  own('--volumes <numbers>', 'these volumes again, such as 3,17-19; with the same words as before'),
  own('--since <archive|list>', 'only what the other side lacks, who has this archive, or all of this list'),
  own('--bom <file>', 'a bill of materials that travels along', true),
  own('--executable <file>', 'verify-models in one file, for a host that has nothing'),
  ...custodyFlags,
];

export const importFlags: readonly MirrorFlag[] = [...besideFlags, ...custodyFlags];

export const inspectFlags: readonly MirrorFlag[] = [
  ...besideFlags,
  own('--whole', 'read every byte, and hold it against the index'),
];

export const logFlags: readonly MirrorFlag[] = [
  own('--known <pub>', 'verify: entries of a transfer record are signed by these keys alone', true),
];
