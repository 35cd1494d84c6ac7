export type { Io, Sink } from './io.ts';
export { processIo } from './process-io.ts';
export { barLines, Meter, type ProgressKind, plainLine, resolveProgress, showProgress } from './progress.ts';
export { openReportFile, type ReportFile } from './report-files.ts';
