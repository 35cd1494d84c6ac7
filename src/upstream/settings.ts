/** What an upstream may cost, and how patient the mirror is. Times in milliseconds, sizes in bytes. */
export interface UpstreamLimits {
  /** Until a connection stands: 10 s. */
  readonly connectMs: number;
  /** Without a byte: 30 s. */
  readonly stallMs: number;
  /** Attempts without any progress before something is given up: 6. */
  readonly tries: number;
  /** First wait after a failure, doubled each time: 500 ms. */
  readonly firstWaitMs: number;
  /** Longest wait, also where upstream asks for a longer one: 60 s. */
  readonly longestWaitMs: number;
  /** Pieces of one blob that are fetched at once: 4. */
  readonly piecesInFlight: number;
  /** Largest token: 64 KiB. */
  readonly tokenBytes: number;
  /** Redirects of one request: 5. */
  readonly redirects: number;
}

export const usualLimits: UpstreamLimits = {
  connectMs: 10_000,
  stallMs: 30_000,
  tries: 6,
  firstWaitMs: 500,
  longestWaitMs: 60_000,
  piecesInFlight: 4,
  tokenBytes: 64 * 1024,
  redirects: 5,
};

/** Signs as an Ollama server does when it asks for a token. */
export interface OllamaIdentity {
  /** The base64 field of the `ssh-ed25519` line. */
  readonly publicKey: string;
  /** Ed25519. */
  sign(data: Uint8Array): Uint8Array;
}

export interface UpstreamSettings {
  /** Scheme, host and port; nothing behind them. */
  readonly url: URL;
  /** Domains to which it may redirect, themselves and everything below them; its own host always may. */
  readonly redirectHosts: readonly string[];
  /** What an unmodified client sends: registries answer other agents with other bytes. */
  readonly userAgent: string;
  readonly limits: UpstreamLimits;
  readonly identity?: OllamaIdentity | undefined;
  /** An extra certificate authority, PEM. */
  readonly ca?: string | undefined;
  readonly proxy?: URL | undefined;
  readonly now: () => Date;
  /** Waits so many milliseconds, less when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
  /** All addresses of a name. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
}

/** Where the registries that need no naming keep their blobs. */
export const redirectHostsOf = ({ hostname }: URL): readonly string[] => {
  if (/(?:^|\.)ollama\.(?:ai|com)$/.test(hostname))
    return ['ollama.ai', 'ollama.com', 'r2.cloudflarestorage.com'];
  if (/^(?:hf\.co|huggingface\.co)$/.test(hostname)) return ['hf.co', 'huggingface.co'];
  return [];
};
