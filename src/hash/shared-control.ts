/**
 * What the threads of one pool share: a cancel flag, the time up to which the allowed rate is spent, and what each
 * thread has read. All of it is in one SharedArrayBuffer, so that no message is needed while bytes are read.
 */
export interface SharedControl {
  readonly buffer: SharedArrayBuffer;
}

const cancelIndex = 0;
const spentIndex = 1;
const firstCounter = 2;

/** Bytes that may be read at once before the rate is felt: a quarter of a second's worth. */
const burstNs = 250_000_000n;

export function makeControl(threads: number): SharedControl {
  return { buffer: new SharedArrayBuffer((firstCounter + threads) * 8) };
}

export class ControlView {
  readonly #words: BigInt64Array;
  readonly #flags: Int32Array;

  constructor(control: SharedControl) {
    this.#words = new BigInt64Array(control.buffer);
    this.#flags = new Int32Array(control.buffer);
  }

  cancel(): void {
    Atomics.store(this.#flags, cancelIndex, 1);
    Atomics.notify(this.#flags, cancelIndex);
  }

  get cancelled(): boolean {
    return Atomics.load(this.#flags, cancelIndex) !== 0;
  }

  /** Adds to what a thread has read. */
  count(thread: number, bytes: number): void {
    Atomics.add(this.#words, firstCounter + thread, BigInt(bytes));
  }

  counted(thread: number): number {
    return Number(Atomics.load(this.#words, firstCounter + thread));
  }

  /** Stops this thread for so many milliseconds. A cancel ends the sleep. */
  sleep(ms: number): void {
    Atomics.wait(this.#flags, cancelIndex, 0, ms);
  }

  /**
   * Takes the right to read `bytes` and gives the nanoseconds until it is due: the generic cell rate algorithm
   * (ITU-T I.371) on one shared word.
   */
  reserve(bytes: number, bytesPerSecond: number, now: () => bigint): bigint {
    const cost = BigInt(Math.ceil((bytes * 1e9) / bytesPerSecond));
    for (;;) {
      const spent = Atomics.load(this.#words, spentIndex);
      const at = now();
      const start = spent > at ? spent : at;
      if (Atomics.compareExchange(this.#words, spentIndex, spent, start + cost) !== spent) continue;
      const waitNs = start - at - burstNs;
      return waitNs > 0n ? waitNs : 0n;
    }
  }
}
