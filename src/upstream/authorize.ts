import { createHash } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import { readStrictJson } from '../oci/index.ts';
import { type Answer, dump, type HttpClient, headerOf } from './http-client.ts';
import { readBody } from './read-body.ts';
import type { UpstreamSettings } from './settings.ts';

/** A bearer challenge (RFC 6750, section 3; OCI distribution's token authentication). */
export interface Challenge {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scope: string | undefined;
}

/** The challenge of a 401, or undefined when it asks for something else than a bearer token. */
export function challengeOf(header: string | undefined): Challenge | undefined {
  if (header === undefined || header.length > 4096 || !/^Bearer\s/i.test(header)) return undefined;
  const fields = new Map<string, string>();
  for (const [, key = '', value = ''] of header.matchAll(/([a-z]+)="([^"]*)"/gi))
    fields.set(key.toLowerCase(), value);
  const realm = fields.get('realm') ?? '';
  if (!URL.canParse(realm)) return undefined;
  return { realm: new URL(realm), service: fields.get('service'), scope: fields.get('scope') };
}

/** What Ollama signs stands for an empty body: base64 of the hexadecimal SHA-256 of nothing. */
const emptyBody = Buffer.from(createHash('sha256').update('').digest('hex')).toString('base64');

/**
 * Gets the token that a 401 asks for: anonymously, or with an Ollama key where the realm is the upstream itself.
 *
 * @throws KnownError UPSTREAM_DENIED; a realm elsewhere is refused, since a token is a credential
 */
export async function tokenFor(
  refused: Answer,
  client: HttpClient,
  settings: UpstreamSettings,
  nonce: () => string,
  signal: AbortSignal,
): Promise<string> {
  dump(refused);
  const deny = (problem: string) =>
    new KnownError('UPSTREAM_DENIED', { upstream: settings.url.host, problem });
  const challenge = challengeOf(headerOf(refused, 'www-authenticate'));
  if (challenge === undefined) throw deny('it wants another kind of login than a token');
  if (!client.reach.isUpstream(challenge.realm)) {
    try {
      client.reach.check(challenge.realm);
    } catch (error) {
      throw new KnownError(
        'UPSTREAM_DENIED',
        { upstream: settings.url.host, problem: `it sends for a token to ${challenge.realm.host}` },
        error,
      );
    }
  }
  const url = tokenUrl(challenge, settings, nonce);
  const { identity } = settings;
  const signed = identity !== undefined && client.reach.isUpstream(url);
  const authorization = signed
    ? `${identity.publicKey}:${Buffer.from(identity.sign(Buffer.from(`GET,${url.href},${emptyBody}`))).toString('base64')}`
    : undefined;
  const answer = await client.ask({ url, headers: { accept: 'application/json' }, authorization, signal });
  const body = await readBody(answer, settings.limits.tokenBytes);
  if (answer.status !== 200 || body === undefined) throw deny(`it gives no token (${answer.status})`);
  const token = tokenIn(body);
  if (token === undefined) throw deny('what it gives is no token');
  return token;
}

function tokenUrl(
  { realm, service, scope }: Challenge,
  settings: UpstreamSettings,
  nonce: () => string,
): URL {
  const url = new URL(realm);
  if (settings.identity !== undefined) {
    url.searchParams.set('nonce', nonce());
    url.searchParams.set('ts', `${Math.floor(settings.now().getTime() / 1000)}`);
  }
  for (const one of scope?.split(' ') ?? []) if (one !== '') url.searchParams.append('scope', one);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.sort();
  return url;
}

function tokenIn(body: Buffer): string | undefined {
  const json = readStrictJson(body, { maxDepth: 8, knownKeys: new Set(), integerKeys: new Set() });
  if (!json.ok || typeof json.value !== 'object' || json.value === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(json.value));
  const token = fields.get('token') ?? fields.get('access_token');
  // A header may hold no line break, and nobody's token is a book.
  return typeof token === 'string' && /^[\x21-\x7e]{1,16384}$/.test(token) ? token : undefined;
}
