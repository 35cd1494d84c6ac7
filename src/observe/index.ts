export { createLogger, type LogFields, type Logger, type LogLevel, loggable } from './logger.ts';
export { Metrics, type Readings } from './metrics.ts';
