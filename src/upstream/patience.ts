import { KnownError } from '../errors/index.ts';
import type { UpstreamSettings } from './settings.ts';

/** Something that may be better the next time; `afterMs` is what upstream asked for. */
export class Passing extends Error {
  readonly afterMs: number | undefined;

  constructor(message: string, afterMs?: number) {
    super(message);
    this.afterMs = afterMs;
  }
}

/** Milliseconds from `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date. */
export function retryAfterMs(value: string | undefined, now: Date): number | undefined {
  if (value === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

/**
 * Tries something until it works, waiting longer each time, at random within that (full jitter), and never less than
 * upstream asks for. `progressed` starts the count anew.
 *
 * @throws KnownError UPSTREAM_UNREACHABLE with the last reason; what `attempt` throws that is neither passing nor of the network
 */
export async function patiently<T>(
  settings: UpstreamSettings,
  signal: AbortSignal,
  attempt: (progressed: () => void) => Promise<T>,
): Promise<T> {
  const { tries, firstWaitMs, longestWaitMs } = settings.limits;
  for (let failures = 0; ; ) {
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const passing = passingOf(error);
      if (passing === undefined) throw error;
      failures += 1;
      if (failures >= tries) {
        const problem = passing.message;
        throw new KnownError('UPSTREAM_UNREACHABLE', { upstream: settings.url.host, problem }, error);
      }
      const jitter = settings.random() * Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1));
      await settings.wait(Math.min(longestWaitMs, Math.max(jitter, passing.afterMs ?? 0)), signal);
      signal.throwIfAborted();
    }
  }
}

/** Errors of the network and of undici pass, but for what is a decision of ours or a certificate. */
function passingOf(error: unknown): Passing | undefined {
  if (error instanceof Passing) return error;
  if (error instanceof KnownError || !(error instanceof Error)) return undefined;
  const known = causeOf(error);
  if (known !== undefined) throw known;
  const code = 'code' in error ? String(error.code) : '';
  if (/^(?:UND_ERR_INVALID_ARG|ERR_INVALID|ERR_ASSERTION)/.test(code) || error instanceof TypeError)
    return undefined;
  return new Passing(wordsFor(code) ?? error.message.split('\n')[0] ?? 'the network failed');
}

/** What a lookup of ours refused arrives as the cause of a connection that failed. */
function causeOf(error: Error): KnownError | undefined {
  for (
    let cause: unknown = error, depth = 0;
    cause instanceof Error && depth < 5;
    cause = cause.cause, depth += 1
  ) {
    if (cause instanceof KnownError) return cause;
    if (cause instanceof AggregateError) {
      const known = cause.errors.find((one) => one instanceof KnownError);
      if (known !== undefined) return known;
    }
  }
  return undefined;
}

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'names cannot be resolved now',
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it cut the connection',
  UND_ERR_SOCKET: 'it cut the connection',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer',
  UND_ERR_BODY_TIMEOUT: 'it stalled',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'it sent another length than it said',
};

const wordsFor = (code: string): string | undefined => words[code];
