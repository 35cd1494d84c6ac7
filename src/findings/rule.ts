/** What a rule is: how bad, what it adds to the exit status, and its three sentences. */
export type Severity = 'error' | 'warning' | 'info';
export type Bit = 0 | 1 | 2 | 4 | 8;

export interface Rule {
  readonly severity: Severity;
  readonly bit: Bit;
  readonly failBit: Exclude<Bit, 0>;
  readonly means: string;
  readonly matters: string;
  readonly todo: string;
}

/** A rule that fails: it adds its bit. */
export const error = (bit: Exclude<Bit, 0>, means: string, matters: string, todo: string): Rule => ({
  ...{ severity: 'error', bit, failBit: bit },
  ...{ means, matters, todo },
});

const quiet =
  (severity: 'warning' | 'info') =>
  (means: string, matters: string, todo: string, failBit: Exclude<Bit, 0> = 1): Rule => ({
    severity,
    bit: 0,
    failBit,
    means,
    matters,
    todo,
  });

/** Rules that add nothing unless `--fail-on` names them. */
export const warning = quiet('warning');
export const info = quiet('info');
