import { type Digest, isDigest } from '../src/oci/index.ts';

/** What a request is about. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: Digest }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: Digest }
  | { readonly kind: 'list-file'; readonly name: string }
  /** The name is none that may be asked for (400), or there is no such place (404). */
  | { readonly kind: 'wrong'; readonly status: 400 | 404; readonly code: WireCode };

/** Error codes of the OCI distribution spec 1.1, table "Error Codes". */
export type WireCode =
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'MANIFEST_UNKNOWN'
  | 'BLOB_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS';

export interface Target {
  readonly route: Route;
  readonly query: ReadonlyMap<string, string>;
  /** As it was asked for, without the query. */
  readonly path: string;
}

/** Longest request target that is looked at; the longest name makes 260 characters. */
const targetLimit = 2048;

const part = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}';
const repository = `${part}(?:/${part}){0,3}`;
const forms = {
  manifest: new RegExp(`^/v2/(${repository})/manifests/([A-Za-z0-9_][A-Za-z0-9_.:-]{0,127})$`),
  blob: new RegExp(`^/v2/(${repository})/blobs/([^/]{1,200})$`),
  tags: new RegExp(`^/v2/(${repository})/tags/list$`),
  referrers: new RegExp(`^/v2/(${repository})/referrers/([^/]{1,200})$`),
  listFile:
    /^\/verify-models\/v1\/((?:allow-list|trust)\.json(?:\.sigstore\.jsonl)?|trusted_root\.json|trust\/[1-9][0-9]{0,8}\.json(?:\.sigstore\.jsonl)?|(?:chunks|manifests)\/[0-9a-f]{64})$/,
} as const;

const wrong = (status: 400 | 404, code: WireCode): Route => ({ kind: 'wrong', status, code });

/**
 * Reads a request target. Nothing is decoded and nothing is normalised: a name that needs either is no name of a
 * model, and `..`, `%2f` and `//` stay what they are, which matches nothing.
 */
export function readTarget(target: string): Target {
  if (target.length > targetLimit) return { route: wrong(400, 'NAME_INVALID'), query: new Map(), path: '' };
  const at = target.indexOf('?');
  const path = at === -1 ? target : target.slice(0, at);
  const query = new Map(new URLSearchParams(at === -1 ? '' : target.slice(at + 1)));
  return { route: routeOf(path), query, path };
}

function routeOf(path: string): Route {
  if (path === '/v2/' || path === '/v2') return { kind: 'base' };
  if (path === '/v2/_catalog') return { kind: 'catalog' };
  const manifest = forms.manifest.exec(path);
  if (manifest !== null)
    return { kind: 'manifest', repository: manifest[1] ?? '', reference: manifest[2] ?? '' };
  const tags = forms.tags.exec(path);
  if (tags !== null) return { kind: 'tags', repository: tags[1] ?? '' };
  const blob = forms.blob.exec(path);
  if (blob !== null) return withDigest('blob', blob[1], blob[2]);
  const referrers = forms.referrers.exec(path);
  if (referrers !== null) return withDigest('referrers', referrers[1], referrers[2]);
  const file = forms.listFile.exec(path);
  if (file !== null) return { kind: 'list-file', name: file[1] ?? '' };
  return wrong(path.startsWith('/v2/') ? 400 : 404, 'NAME_INVALID');
}

function withDigest(kind: 'blob' | 'referrers', name = '', digest = ''): Route {
  return isDigest(digest) ? { kind, repository: name, digest } : wrong(400, 'DIGEST_INVALID');
}
