export { holdsCredentials, shownAddress, withoutCredentials } from './credentials.ts';
export type { ErrorRow } from './error-row.ts';
export { describeCause, type Facts, KnownError, systemCode } from './known-error.ts';
export { type ErrorCode, errorTable } from './table.ts';
