import type { IncomingMessage } from 'node:http';
import { hostNameOf } from './host-name.ts';

/** Why a request is not answered, whatever it asks for. */
export interface Objection {
  /** 400: it says two things at once. 403: it comes from where nobody is answered. */
  readonly status: 400 | 403;
  /** One sentence, which may be shown to whoever asked. */
  readonly sentence: string;
}

/** What a request says of itself; Node.js keeps the first of two `Host` headers, and `rawHeaders` both. */
export type Asked = Pick<IncomingMessage, 'url' | 'headers' | 'rawHeaders'>;

/** The names of a server. */
export interface OwnNames {
  /** Whether it goes by this one, which `hostNameOf` gave. */
  has(name: string): boolean;
  /** It listens on this machine alone, where every other name is one that somebody led here. */
  readonly only: boolean;
  /** How whoever runs it gives it another name; the end of a sentence. */
  readonly how?: string;
}

/** Of `Sec-Fetch-Site` (W3C Fetch Metadata): what a person typed, and pages of this server itself. */
const ownSites: ReadonlySet<string> = new Set(['none', 'same-origin']);

const notOwn = 'this server listens on this machine alone and does not go by the name';

/** `http://host/path` as the target of a request (RFC 9112, section 3.2.2). */
const absoluteForm = /^(https?):\/\/([^/?#]*)/i;

/**
 * What speaks against answering a request: two hosts, a web page of another site that a browser of this network has
 * open, or a name that is none of this server's (a web page whose name was led to this machine: DNS rebinding).
 */
export function objectionTo(
  { url = '', headers, rawHeaders }: Asked,
  names: OwnNames,
): Objection | undefined {
  const { host } = headers;
  if (countOf(rawHeaders, 'host') > 1) return { status: 400, sentence: 'the request has two Host headers' };
  const name = host === undefined ? undefined : hostNameOf(host);
  if (host !== undefined && name === undefined)
    return { status: 400, sentence: 'the Host header of the request is no name of a host' };
  if (namesAnotherHost(url, host))
    return {
      status: 400,
      sentence: 'the request names one host in its target and another one in its Host header',
    };
  if (isForeignPage(headers, host))
    return { status: 403, sentence: 'this server does not answer web pages of other sites' };
  if (name !== undefined && names.only && !names.has(name))
    return { status: 403, sentence: `${notOwn} ${name}${names.how === undefined ? '' : `; ${names.how}`}` };
  return undefined;
}

/** Nearly every target is a path. */
const isAbsolute = (url: string): boolean => !url.startsWith('/');

/** The target of a request without the host that it may begin with. */
export const pathTarget = (url: string): string => {
  const target = isAbsolute(url) ? absoluteForm.exec(url) : null;
  return target === null ? url : url.slice(target[0].length);
};

function namesAnotherHost(url: string, host = ''): boolean {
  const [, scheme = '', named = ''] = isAbsolute(url) ? (absoluteForm.exec(url) ?? []) : [];
  if (scheme === '') return false;
  const usualPort = scheme.toLowerCase() === 'https' ? /:443$/ : /:80$/;
  const short = (text: string) => text.toLowerCase().replace(usualPort, '');
  return short(named) !== short(host);
}

function isForeignPage(headers: Asked['headers'], host: string | undefined): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && !(typeof site === 'string' && ownSites.has(site))) return true;
  const { origin } = headers;
  return origin !== undefined && origin.replace(/^https?:\/\//, '').toLowerCase() !== host?.toLowerCase();
}

function countOf(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const header = rawHeaders[at];
    if (header?.length === name.length && header.toLowerCase() === name) count += 1;
  }
  return count;
}
