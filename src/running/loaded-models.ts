import * as z from 'zod/mini';
import { describeCause, KnownError, shownAddress } from '../errors/index.ts';

/** One answer of a server; the effects of this folder. */
export type Get = (url: URL) => Promise<{ readonly status: number; readonly text: string }>;

/** A model that Ollama holds in memory. */
export interface LoadedModel {
  /** As `ollama ps` shows it. */
  readonly name: string;
  /** What `ollama list` shows the beginning of: 64 hexadecimal digits. */
  readonly id: string;
}

const answer = z.object({
  models: z.array(
    z.object({
      name: z.string().check(z.maxLength(1000)),
      digest: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
    }),
  ),
});

const defaultPort = 11434;

/**
 * Where the Ollama of this machine listens, from `OLLAMA_HOST` as Ollama itself reads it: `host`, `host:port`, `:port` or a
 * URL, by default 127.0.0.1:11434; an address that means every interface is asked on loopback.
 *
 * @throws KnownError USAGE for another machine's: its open files cannot be seen from here
 */
export function ollamaUrl(host: string | undefined): URL {
  const typed = host?.trim() ?? '';
  const [, scheme = 'http', rest = ''] = /^(?:(https?):\/\/)?(.*?)\/*$/.exec(typed) ?? [];
  const text = rest === '' || rest.startsWith(':') ? `127.0.0.1${rest}` : rest;
  if (!URL.canParse(`${scheme}://${text}`)) throw refuse(typed);
  const url = new URL(`${scheme}://${text}`);
  const everywhere = ['0.0.0.0', '[::]'].includes(url.hostname);
  if (everywhere) url.hostname = '127.0.0.1';
  if (!/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)) throw refuse(typed);
  const hasPort = /:\d+(?:\/|$)/.test(text);
  if (!hasPort && scheme === 'http' && !/^https?:/.test(typed)) url.port = `${defaultPort}`;
  return url;
}

const refuse = (host: string): KnownError =>
  new KnownError('USAGE', {
    problem: `--running asks the Ollama of this machine, and OLLAMA_HOST is ${shownAddress(host).slice(0, 100)}`,
  });

/** Which models are loaded now. @throws KnownError OLLAMA_UNREACHABLE */
export async function loadedModels(base: URL, get: Get): Promise<readonly LoadedModel[]> {
  const url = new URL('/api/ps', base);
  try {
    const { status, text } = await get(url);
    if (status !== 200) throw new Error(`it answered with ${status}`);
    const parsed = answer.safeParse(JSON.parse(text));
    if (!parsed.success) throw new Error('its answer is not that of /api/ps');
    return parsed.data.models.map(({ name, digest }) => ({ name, id: digest }));
  } catch (error) {
    throw new KnownError('OLLAMA_UNREACHABLE', { url: url.href, problem: describeCause(error) }, error);
  }
}
