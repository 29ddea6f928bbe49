import type { Reader } from "./store.ts";

/**
 * A bounded cache whose entries are good for one version of a scope (see `Transaction.bump`).
 * `load` runs again after the scope was bumped; the oldest entries leave when `limit` is reached.
 */
export class VersionedCache<T> {
  readonly #entries = new Map<string, { version: number; value: T }>();
  readonly #limit: number;
  constructor(limit: number) {
    this.#limit = limit;
  }
  /** @param scope what `bump` is called with when the rows behind `key` change; by default the key itself. */
  async get(reader: Reader, key: string, load: (reader: Reader) => Promise<T>, scope: string = key): Promise<T> {
    const version = reader.version(scope);
    const known = this.#entries.get(key);
    if (known && known.version === version) return known.value;
    const value = await load(reader);
    this.#entries.delete(key);
    this.#entries.set(key, { version, value });
    if (this.#entries.size > this.#limit) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    return value;
  }
  /** The cached value if it is current, without touching the store. */
  peek(reader: Reader, key: string, scope: string = key): T | undefined {
    const known = this.#entries.get(key);
    return known && known.version === reader.version(scope) ? known.value : undefined;
  }
}
