/**
 * A map of which a stranger may choose the keys: it never has more than `limit` entries. The entry that was set or read
 * longest ago makes room for a new one.
 */
export class BoundedMap<K, V> {
  readonly #limit: number;
  readonly #entries = new Map<K, V>();

  /** @param limit entries, at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** @returns the value that had to make room; undefined where there was room */
  set(key: K, value: V): V | undefined {
    this.#entries.delete(key);
    const dropped = this.#entries.size < this.#limit ? undefined : this.#dropOldest();
    this.#entries.set(key, value);
    return dropped;
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  /** Values, the one that was used longest ago first. */
  values(): MapIterator<V> {
    return this.#entries.values();
  }

  #dropOldest(): V | undefined {
    for (const [key, value] of this.#entries) {
      this.#entries.delete(key);
      return value;
    }
    return undefined;
  }
}
