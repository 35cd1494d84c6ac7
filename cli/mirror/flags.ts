import { type MirrorSettingKey, mirrorSettingKeys } from '../../src/config/index.ts';

/** One flag: as commander takes it, and what it says. */
export interface MirrorFlag {
  readonly key: MirrorSettingKey | 'config' | 'json' | 'yes';
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
  'max-data': { syntax: '--max-data <size>', help: 'bytes that all blobs may take, such as 2TB' },
  'max-rate': { syntax: '--max-rate <rate>', help: 'scrub: bytes a second, such as 100MB/s' },
  every: { syntax: '--every <time>', help: 'sync: stay, and do it again each 10m or 12h' },
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

export const commonFlags: readonly MirrorFlag[] = [
  ...mirrorSettingKeys.map((key) => ({ key, ...flags[key] })),
  ...extra,
];

export const gcFlags: readonly MirrorFlag[] = [{ key: 'yes', syntax: '--yes', help: 'remove what is shown' }];
