export { liesInStore } from './in-store.ts';
export type { Io, Sink } from './io.ts';
export { notify } from './notify.ts';
export { processHost, processIo } from './process-io.ts';
export { barLines, Meter, type ProgressKind, plainLine, resolveProgress, showProgress } from './progress.ts';
export { openReportFiles, type ReportFile, type WantedReport } from './report-files.ts';
export { tellError, withLoss } from './tell-error.ts';
export { terminationLine, writeTerminationLog } from './termination-log.ts';
export { Transfers } from './transfers.ts';
