import type { Finding } from '../findings/index.ts';
import type { CheckReport } from './check-report.ts';
import { modelDocument } from './json.ts';
import { safeJson } from './printable.ts';

export const eventsSchema = 'urn:verify-models:events:v1';

/** How far a run is. Bytes count second readings too, so `bytesDone` may pass `bytes` by a little. */
export interface StatusEvent {
  readonly bytesDone: number;
  readonly bytes: number;
  /** Bytes a second, over the last seconds. */
  readonly rate: number;
  /** Null while the rate is not known. */
  readonly secondsLeft: number | null;
}

const line = (type: string, fields: object): string => `${safeJson({ type, ...fields })}\n`;

/** The first line of a stream of events. */
export const startLine = (tool: CheckReport['tool'], store: string, startedAt: Date): string =>
  line('start', { schema: eventsSchema, tool, store, startedAt: startedAt.toISOString() });

export const statusLine = (status: StatusEvent): string => line('status', status);

/** A finding, as soon as it is known. */
export const findingLine = (finding: Finding): string => line('finding', finding);

/** The end of a stream: every model, every blob, then one line that ends it. */
export function* endLines(report: CheckReport): Generator<string> {
  for (const model of report.models) yield line('model', modelDocument(model));
  for (const blob of report.blobs) yield line('blob', blob);
  for (const more of report.unlisted) yield line('unlisted', more);
  const { durationMs, partial, exitCode, allowList, summary } = report;
  yield line('end', { durationMs, partial, exitCode, allowList, summary });
}
