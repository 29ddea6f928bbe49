import type { Connection } from "./connection.ts";

/** Scopes share this many counters: a poll reads them all, and a change of one scope refreshes few others. */
export const SLOTS = 512;
const CHANNEL = "stepwell_versions";
const POLL_MS = 250;
/** A node that has not heard from the database for so long trusts no cache. */
const STALE_MS = 1_000;

/** The slot of a scope (FNV-1a). */
export function slotOf(scope: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < scope.length; index++) hash = Math.imul(hash ^ scope.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % SLOTS;
}

/**
 * The versions of scopes: what this node did itself counts at once, what others did is polled. A notification shortens
 * the wait where the database has such a thing; nothing depends on it.
 */
export class Versions {
  readonly #own = new Map<string, number>();
  readonly #slots = new Float64Array(SLOTS);
  readonly #connect: () => Promise<Connection>;
  #connection: Connection | undefined;
  #heardAt = Number.NEGATIVE_INFINITY;
  #distrusted = 0;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #closed = false;

  constructor(connect: () => Promise<Connection>) {
    this.#connect = connect;
  }

  get(scope: string): number {
    // A number that was never given before, so that nothing cached is good.
    if (performance.now() - this.#heardAt > STALE_MS) return -++this.#distrusted;
    return (this.#own.get(scope) ?? 0) + (this.#slots[slotOf(scope)] ?? 0);
  }
  /** In this node, at once. */
  bump(scope: string): void {
    this.#own.set(scope, (this.#own.get(scope) ?? 0) + 1);
  }
  /** Tells the other nodes to look, after a commit that bumped. */
  announce(): void {
    this.#connection?.query(`notify ${CHANNEL}`).catch(() => undefined);
  }
  /** Reads the counters, and again every so often. */
  async start(): Promise<void> {
    await this.#poll();
    this.#schedule();
  }
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#polling;
    await this.#connection?.close();
  }

  #schedule(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#now(), POLL_MS);
  }
  #now(): void {
    if (this.#polling || this.#closed) return;
    this.#polling = this.#poll()
      // The database is away; get() notices by itself.
      .catch(() => undefined)
      .finally(() => {
        this.#polling = undefined;
        this.#schedule();
      });
  }
  async #poll(): Promise<void> {
    if (!this.#connection || this.#connection.lost) {
      const connection = await this.#connect();
      this.#connection = connection;
      await connection.listen(CHANNEL, () => this.#now()).catch(() => undefined);
    }
    const asked = performance.now();
    const { rows } = await this.#connection.query("select slot, version from store_version order by slot");
    for (const row of rows) this.#slots[Number(row["slot"])] = Number(row["version"]);
    this.#heardAt = asked;
  }
}
