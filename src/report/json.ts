import type { BlobResult, CheckReport, ModelResult } from './check-report.ts';
import { safeJson } from './printable.ts';

export const reportSchema = 'urn:verify-models:report:v1';

/** The keys of a model in machine formats. */
export const modelDocument = ({ name, manifestDigest, status, bytes }: ModelResult) => ({
  name,
  manifestDigest,
  status,
  bytes,
});

/** The report as one JSON document (manifests/schema/report.v1.json), in parts: one line an array element. */
export function* renderJson(report: CheckReport): Generator<string> {
  yield `{\n  "schema": ${safeJson(reportSchema)}`;
  const head = {
    tool: report.tool,
    store: report.store,
    startedAt: report.startedAt.toISOString(),
    durationMs: report.durationMs,
    partial: report.partial,
    exitCode: report.exitCode,
    allowList: report.allowList,
    summary: report.summary,
  };
  for (const [key, value] of Object.entries(head)) yield `,\n  ${safeJson(key)}: ${safeJson(value)}`;
  yield* renderArray('models', report.models.map(modelDocument));
  yield* renderArray('blobs', report.blobs satisfies Iterable<BlobResult>);
  yield* renderArray('findings', report.findings);
  if (report.unlisted.length > 0) yield* renderArray('unlisted', report.unlisted);
  yield '\n}\n';
}

function* renderArray(key: string, items: Iterable<unknown>): Generator<string> {
  yield `,\n  ${safeJson(key)}: [`;
  let first = true;
  for (const item of items) {
    yield `${first ? '' : ','}\n    ${safeJson(item)}`;
    first = false;
  }
  yield first ? ']' : '\n  ]';
}
