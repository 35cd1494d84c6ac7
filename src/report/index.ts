export type {
  AllowListInfo,
  BlobResult,
  CheckReport,
  ModelResult,
  ModelStatus,
  Proof,
  Summary,
} from './check-report.ts';
export { renderJson, reportSchema } from './json.ts';
export {
  endLines,
  eventsSchema,
  findingLine,
  type StatusEvent,
  startLine,
  statusLine,
} from './json-lines.ts';
export { renderJUnit } from './junit.ts';
export { printable, safeJson } from './printable.ts';
export { renderSarif } from './sarif.ts';
export { shownSize } from './shown-size.ts';
export { renderText, type TextOptions } from './text.ts';
export { type DiffLine, diffLines, renderTextDiff, type TextDiffOptions } from './text-diff.ts';
