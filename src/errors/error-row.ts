/**
 * One kind of error.
 *
 * `exit` is the process's exit status where the error ends a run (design: 1, 2, 4 and 8 are bits; 64 and 70 are values
 * of their own, after sysexits.h; 126 and 127 are what a shell says of a command that may not run or is not there). `http` is the status a server answers with.
 */
export interface ErrorRow {
  readonly exit: 1 | 2 | 4 | 64 | 70 | 126 | 127;
  readonly http: number;
  readonly message: string;
  readonly hint?: string;
}

export const row = (exit: ErrorRow['exit'], http: number, message: string, hint?: string): ErrorRow =>
  hint === undefined ? { exit, http, message } : { exit, http, message, hint };
