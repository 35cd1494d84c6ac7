import type { Mirror } from '../src/admission/index.ts';
import type { Digest } from '../src/oci/index.ts';
import { type Exchange, send, sendError } from './exchange.ts';

/** Names in one answer where the client does not say: as the distribution registry does. */
const usualCount = 100;
const largestCount = 1000;

/** `n` and `last` (OCI distribution spec 1.1, "Listing Tags"). */
function pageOf({ query }: Exchange): { readonly count: number; readonly last: string | undefined } {
  const n = query.get('n') ?? '';
  const count = /^[0-9]{1,6}$/.test(n) ? Math.min(Number(n), largestCount) : usualCount;
  return { count, last: query.get('last') };
}

const json = (exchange: Exchange, body: object, headers: Record<string, string> = {}) =>
  send(exchange, 200, { 'content-type': 'application/json', ...headers }, `${JSON.stringify(body)}\n`);

/** The next page, where this one is full. */
function linkOf({ path }: Exchange, names: readonly string[], count: number): Record<string, string> {
  const last = names.at(-1);
  if (names.length < count || last === undefined) return {};
  return { link: `<${path}?n=${count}&last=${encodeURIComponent(last)}>; rel="next"` };
}

const hostOf = ({ request }: Exchange): string => (request.headers.host ?? '').toLowerCase();

export async function answerCatalog(exchange: Exchange, mirror: Mirror): Promise<void> {
  const { count, last } = pageOf(exchange);
  const repositories = await mirror.repositories(hostOf(exchange), count, last);
  json(exchange, { repositories }, linkOf(exchange, repositories, count));
}

export async function answerTags(exchange: Exchange, mirror: Mirror, repository: string): Promise<void> {
  const { count, last } = pageOf(exchange);
  const tags = await mirror.tags(hostOf(exchange), repository, count, last);
  if (tags === undefined) sendError(exchange, 404, 'NAME_UNKNOWN', `${repository} is not known here`);
  else json(exchange, { name: repository, tags }, linkOf(exchange, tags, count));
}

/** OCI distribution spec 1.1, "Listing Referrers": an image index, empty where there is nothing. */
export async function answerReferrers(exchange: Exchange, mirror: Mirror, digest: Digest): Promise<void> {
  const wanted = exchange.query.get('artifactType');
  const all = await mirror.referrers(digest);
  const manifests = wanted === undefined ? all : all.filter(({ artifactType }) => artifactType === wanted);
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  const filtered: Record<string, string> =
    wanted === undefined ? {} : { 'oci-filters-applied': 'artifactType' };
  send(exchange, 200, { 'content-type': index.mediaType, ...filtered }, JSON.stringify(index));
}
