import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Figures that are asked for when somebody looks. */
export interface Readings {
  /** Requests that wait for bytes which are not verified yet. */
  readonly held: () => number;
  readonly models: () => Promise<number>;
  readonly blobs: () => Promise<number>;
  /** Of all blobs. */
  readonly bytes: () => Promise<number>;
}

/** What is counted, with names and units after the conventions of Prometheus. No label holds what a client typed. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: 'model_mirror_requests_total',
    help: 'Requests that were answered, by what they were about and the class of the status.',
    labelNames: ['kind', 'status'] as const,
    registers: [this.#registry],
  });
  readonly #seconds = new Histogram({
    name: 'model_mirror_request_duration_seconds',
    help: 'Time from a request to the end of its answer, by what it was about.',
    labelNames: ['kind'] as const,
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 600],
    registers: [this.#registry],
  });
  readonly #sent = new Counter({
    name: 'model_mirror_sent_bytes_total',
    help: 'Bytes that were sent to clients.',
    registers: [this.#registry],
  });
  readonly #admissions = new Counter({
    name: 'model_mirror_admissions_total',
    help: 'Models that were to be fetched, by how it ended.',
    labelNames: ['outcome'] as const,
    registers: [this.#registry],
  });
  readonly #fetched = new Counter({
    name: 'model_mirror_admitted_bytes_total',
    help: 'Bytes of models that were admitted.',
    registers: [this.#registry],
  });

  constructor({ held, models, blobs, bytes }: Readings) {
    const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
      new Gauge({
        ...{ name, help, registers: [this.#registry] },
        async collect() {
          this.set(await read());
        },
      });
    gauge('model_mirror_held_requests', 'Requests that wait for bytes which are not verified yet.', held);
    gauge('model_mirror_models', 'Models that were admitted.', models);
    gauge('model_mirror_blobs', 'Blobs of admitted models.', blobs);
    gauge('model_mirror_blob_bytes', 'Bytes of all blobs.', bytes);
  }

  request(kind: string, status: number, bytes: number, ms: number): void {
    this.#requests.inc({ kind, status: `${Math.floor(status / 100)}xx` });
    this.#seconds.observe({ kind }, ms / 1000);
    this.#sent.inc(bytes);
  }

  admitted(bytes: number): void {
    this.#admissions.inc({ outcome: 'admitted' });
    this.#fetched.inc(bytes);
  }

  failed(): void {
    this.#admissions.inc({ outcome: 'failed' });
  }

  /** The text exposition format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
