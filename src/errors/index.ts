export { describeCause, type Facts, KnownError, systemCode } from './known-error.ts';
export { type ErrorCode, type ErrorRow, errorTable } from './table.ts';
