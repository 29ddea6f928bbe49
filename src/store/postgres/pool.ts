import { setTimeout as pause } from "node:timers/promises";
import { StoreUnavailable } from "../store.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { asUnavailable, remedyOf } from "./errors.ts";

/** How long a caller waits for a database that is away before it is told so: a failover is shorter, as a rule. */
const PATIENCE_MS = 3_000;
const BACK_OFF_MS = [50, 100, 200, 400, 800];

/** A place for one connection, opened when it is needed and again after it was lost, with a growing pause after failures. */
export class Place {
  readonly #options: ConnectionOptions;
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  #failures = 0;
  #closed = false;
  constructor(options: ConnectionOptions) {
    this.#options = options;
  }
  /** The connection, if there is one in working order. */
  get current(): Connection | undefined {
    return this.#connection?.lost === undefined ? this.#connection : undefined;
  }
  /** Throws StoreUnavailable when there is none to be had in the time that a caller waits. */
  async connection(): Promise<Connection> {
    const { current } = this;
    if (current) return current;
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      if (this.#closed) throw new StoreUnavailable("the store is closed");
      try {
        return await (this.#opening ??= this.#open());
      } catch (error) {
        if (performance.now() > until) throw asUnavailable(error);
      }
    }
  }
  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => undefined);
    await this.#connection?.close().catch(() => undefined);
  }
  async #open(): Promise<Connection> {
    try {
      this.#connection = await Connection.open(this.#options);
      this.#failures = 0;
      return this.#connection;
    } catch (error) {
      const wait = BACK_OFF_MS[Math.min(this.#failures++, BACK_OFF_MS.length - 1)] ?? 0;
      await pause(wait * (0.5 + Math.random()));
      throw remedyOf(error) === "unavailable" || !(error instanceof Error)
        ? error
        : new StoreUnavailable(`PostgreSQL: ${error.message}`, { cause: error });
    } finally {
      this.#opening = undefined;
    }
  }
}
