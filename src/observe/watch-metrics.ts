import { Counter, Gauge, Registry } from 'prom-client';

/** One check, as far as it is counted. */
export interface CountedCheck {
  /** Sum of bits. */
  readonly exitCode: number;
  readonly durationMs: number;
  readonly hashedBytes: number;
  /** Models by status. */
  readonly models: Readonly<Record<string, number>>;
  /** Findings that fail, by rule; all of them, also those that a report only counts. */
  readonly findings: ReadonlyMap<string, number>;
}

/** What `verify-models watch` tells Prometheus. Labels hold rules and statuses, never a name from the store. */
export class WatchMetrics {
  readonly #registry = new Registry();
  readonly #checks = new Counter({
    name: 'verify_models_checks_total',
    help: 'Checks, by kind (change, full) and result (ok, failed); one that could not be made is failed.',
    labelNames: ['kind', 'result'] as const,
    registers: [this.#registry],
  });
  readonly #hashed = new Counter({
    name: 'verify_models_hashed_bytes_total',
    help: 'Bytes that were hashed.',
    registers: [this.#registry],
  });
  readonly #last = this.#gauge(
    'verify_models_last_check_timestamp_seconds',
    'When the last check ended, by kind.',
    ['kind'],
  );
  readonly #success = this.#gauge(
    'verify_models_last_success_timestamp_seconds',
    'When a check last ended with nothing wrong, by kind.',
    ['kind'],
  );
  readonly #seconds = this.#gauge(
    'verify_models_last_check_duration_seconds',
    'How long the last check took, by kind.',
    ['kind'],
  );
  readonly #exit = this.#gauge(
    'verify_models_exit_code',
    'Exit status of the last check: 1 altered, 2 not trusted, 4 could not be checked, 8 missing, added.',
    [],
  );
  readonly #models = this.#gauge('verify_models_models', 'Models of the last check, by status.', ['status']);
  readonly #findings = this.#gauge(
    'verify_models_findings',
    'Findings of the last check that fail, by rule.',
    ['rule'],
  );

  constructor() {
    // Without a check there is no exit status, and 0 would say that all is well.
    this.#exit.remove();
  }

  /** A check was made, or failed. */
  checked(kind: 'change' | 'full', check: CountedCheck, at: Date): void {
    const ok = check.exitCode === 0;
    const seconds = at.getTime() / 1000;
    this.#checks.inc({ kind, result: ok ? 'ok' : 'failed' });
    this.#hashed.inc(check.hashedBytes);
    this.#last.set({ kind }, seconds);
    if (ok) this.#success.set({ kind }, seconds);
    this.#seconds.set({ kind }, check.durationMs / 1000);
  }

  /** What it found is how the store is now. */
  found(check: CountedCheck): void {
    this.#exit.set(check.exitCode);
    this.#models.reset();
    for (const [status, count] of Object.entries(check.models)) this.#models.set({ status }, count);
    this.#findings.reset();
    for (const [rule, count] of check.findings) this.#findings.set({ rule }, count);
  }

  /** The text exposition format; also what the textfile collector of the node exporter reads. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge<string> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }
}
