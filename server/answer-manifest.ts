import type { ManifestAnswer, Mirror } from '../src/admission/index.ts';
import { type Exchange, isOllama, peerOf, send, sendError, sendSentence } from './exchange.ts';

/** `GET` and `HEAD /v2/<name>/manifests/<reference>`: the exact bytes, or why not. */
export async function answerManifest(
  exchange: Exchange,
  mirror: Mirror,
  { repository, reference }: { readonly repository: string; readonly reference: string },
): Promise<void> {
  const host = (exchange.request.headers.host ?? '').toLowerCase();
  const answer =
    mirror.recent?.(host, repository, reference) ??
    (await mirror.manifest({
      ...{ host, repository, reference, signal: exchange.gone },
      client: { ...peerOf(exchange), ollama: isOllama(exchange) },
    }));
  if (answer.kind === 'manifest') sendManifest(exchange, answer);
  else if (answer.kind === 'unknown')
    sendError(exchange, 404, 'MANIFEST_UNKNOWN', `${repository}:${reference} is not known here`);
  else sendRefusal(exchange, answer);
}

function sendManifest(exchange: Exchange, answer: ManifestAnswer & { kind: 'manifest' }): void {
  const headers = {
    'content-type': answer.mediaType,
    'docker-content-digest': answer.digest,
    etag: `"${answer.digest}"`,
  };
  send(exchange, 200, headers, answer.bytes);
}

function sendRefusal(
  exchange: Exchange,
  answer: Exclude<ManifestAnswer, { kind: 'manifest' | 'unknown' }>,
): void {
  const refused = answer.kind === 'refused';
  const status = refused ? 403 : 503;
  const later: Record<string, number> =
    !refused && answer.retryAfterSeconds !== undefined ? { 'retry-after': answer.retryAfterSeconds } : {};
  if (isOllama(exchange)) {
    sendSentence(exchange, status, answer.sentence, later);
    return;
  }
  const message = `${answer.sentence} (request ${exchange.id})`;
  const body = JSON.stringify({
    errors: [{ code: refused ? 'DENIED' : 'TOOMANYREQUESTS', message, detail: { request: exchange.id } }],
  });
  send(exchange, status, { 'content-type': 'application/json', ...later }, `${body}\n`);
}
