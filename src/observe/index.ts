export { Admin, type AdminOptions } from './admin.ts';
export { createLogger, type LogFields, type Logger, type LogLevel, loggable } from './logger.ts';
export { Metrics, type Readings } from './metrics.ts';
export { type CountedCheck, WatchMetrics } from './watch-metrics.ts';
