import type { TypedFlags } from './context.ts';

/** Flags of `sign`, beside the common ones. */
export interface SignFlags extends TypedFlags {
  readonly key?: string;
  readonly identityToken?: string;
  readonly keyless?: boolean;
  readonly fulcioUrl?: string;
  readonly rekorUrl?: string;
  readonly tsaUrl?: string;
  readonly expires?: string;
  readonly renew?: boolean;
  readonly subjects?: boolean;
  readonly statementOnly?: boolean;
  readonly manifestsUnseen?: boolean;
  readonly tablesUnseen?: boolean;
  readonly trust?: string;
}
