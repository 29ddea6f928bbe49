import {
  StoreUnavailable,
  type Reader,
  type Row,
  type Store,
  type Transaction,
  type Value,
} from "../../src/store/store.ts";
import type { Machine } from "./machine.ts";

const MOST_PAGES = 1_073_741_823;
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** The embedded store as a node sees it that may be killed: whatever it waits for when it dies never comes. */
export class UneasyStore implements Store {
  alive = true;
  readonly #inner: Store;
  readonly #machine: Machine;
  #full = false;
  constructor(inner: Store, machine: Machine) {
    this.#inner = inner;
    this.#machine = machine;
  }

  async read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    if (!this.alive) return never();
    if (this.#machine.happens("unread")) throw new StoreUnavailable("simulated: the read failed");
    return this.#ifAlive(this.#inner.read(work));
  }

  async write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (!this.alive) return never();
    const machine = this.#machine;
    if (machine.happens("refused")) throw new StoreUnavailable("simulated: refused");
    const aborted = machine.happens("aborted");
    const value = await this.#ifAlive(
      this.#inner.write(async (inner) => {
        if (!this.alive) throw new StoreUnavailable("simulated: killed");
        await this.#fill(inner);
        const value = await work(new WatchedTransaction(inner, this));
        if (aborted) throw new StoreUnavailable("simulated: taken back at the commit");
        return value;
      }),
    );
    if (machine.happens("late")) await this.#ifAlive(machine.pause(1, 20_000));
    if (machine.happens("unacknowledged")) throw new StoreUnavailable("simulated: committed, not acknowledged");
    return value;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** A full disk is a database that may not grow: SQLite itself says so then. */
  async #fill(transaction: Transaction): Promise<void> {
    const { full } = this.#machine;
    if (full === this.#full) return;
    await transaction.get(`pragma max_page_count=${full ? 1 : MOST_PAGES}`);
    this.#full = full;
  }

  #ifAlive<T>(promise: Promise<T>): Promise<T> {
    return promise.then(
      (value) => (this.alive ? value : never<T>()),
      (error: unknown) => {
        if (this.alive) throw error;
        return never<T>();
      },
    );
  }
}

/** The transaction, with no life after the node's death. */
class WatchedTransaction implements Transaction {
  readonly #inner: Transaction;
  readonly #store: UneasyStore;
  constructor(inner: Transaction, store: UneasyStore) {
    this.#inner = inner;
    this.#store = store;
  }
  get scratch(): Map<unknown, unknown> {
    return this.#inner.scratch;
  }
  get<T = Row>(sql: string, parameters?: readonly Value[]): Promise<T | undefined> {
    return this.#inner.get<T>(sql, parameters);
  }
  all<T = Row>(sql: string, parameters?: readonly Value[]): Promise<T[]> {
    return this.#inner.all<T>(sql, parameters);
  }
  run(sql: string, parameters?: readonly Value[]): Promise<number> {
    return this.#inner.run(sql, parameters);
  }
  version(scope: string): number {
    return this.#inner.version(scope);
  }
  savepoint<T>(work: () => Promise<T>): Promise<T> {
    return this.#inner.savepoint(work);
  }
  bump(scope: string): void {
    this.#inner.bump(scope);
  }
  afterCommit(effect: () => void): void {
    this.#inner.afterCommit(() => {
      if (this.#store.alive) effect();
    });
  }
}
