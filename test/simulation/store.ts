import {
  StoreUnavailable,
  type Reader,
  type Row,
  type Store,
  type Transaction,
  type Value,
} from "../../src/store/store.ts";
import type { Machine } from "./machine.ts";
import type { Versions } from "./versions.ts";

const MOST_PAGES = 1_073_741_823;
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const simulated = (what: string): StoreUnavailable => new StoreUnavailable(`simulated: ${what}`);
// Made once: a stack for each of thousands costs more than all else about them.
const UNREAD = simulated("the read failed");
const REFUSED = simulated("refused");
const KILLED = simulated("killed");
const TAKEN_BACK = simulated("taken back at the commit");
const UNACKNOWLEDGED = simulated("committed, not acknowledged");
const DOWN = simulated("the database is down");
/** Whether the database may grow; by the database, whose own knowledge it is. */
const filled = new WeakSet<Store>();

/**
 * The store as a node sees it that may be killed: whatever it waits for when it dies never comes. Where the database
 * is shared it may go away under the node, and what others change is heard of later.
 */
export class UneasyStore implements Store {
  readonly name = "node";
  alive = true;
  readonly #machine: Machine;
  readonly versions: Versions | undefined;
  constructor(machine: Machine, versions: Versions | undefined) {
    this.#machine = machine;
    this.versions = versions;
  }

  async read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    if (!this.alive) return never();
    const machine = this.#machine;
    const { store } = machine.disk;
    if (!store) throw DOWN;
    if (machine.happens("unread")) throw UNREAD;
    const { versions } = this;
    return this.#ifThere(store, store.read(versions ? (inner) => work(new FarReader(inner, versions)) : work));
  }

  async write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (!this.alive) return never();
    const machine = this.#machine;
    const { store } = machine.disk;
    if (!store) throw DOWN;
    if (machine.happens("refused")) throw REFUSED;
    const aborted = machine.happens("aborted");
    const bumped: string[] = [];
    const writing = store.write(async (inner) => {
      if (!this.alive) throw KILLED;
      await this.#fill(store, inner);
      const value = await work(new WatchedTransaction(inner, this, bumped));
      if (aborted) throw TAKEN_BACK;
      return value;
    });
    const announce = (): void => this.versions?.announce(bumped);
    writing.then(announce, announce);
    const value = await this.#ifThere(store, writing);
    if (machine.happens("late")) await this.#ifThere(store, this.pause(1, 20_000));
    if (machine.happens("unacknowledged")) throw UNACKNOWLEDGED;
    return value;
  }

  /** Waits in the node's time: never comes to an end if the node dies. */
  pause(from: number, to: number): Promise<void> {
    const { world } = this.#machine;
    const ms = this.#machine.between(from, to);
    return new Promise((resolve) => world.at(world.time + ms, this, resolve));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** A full disk is a database that may not grow: SQLite itself says so then. */
  async #fill(store: Store, transaction: Transaction): Promise<void> {
    const { full } = this.#machine.disk;
    if (full === filled.has(store)) return;
    await transaction.get(`pragma max_page_count=${full ? 1 : MOST_PAGES}`);
    if (full) filled.add(store);
    else filled.delete(store);
  }

  #ifThere<T>(store: Store, promise: Promise<T>): Promise<T> {
    const gone = (): boolean => store !== this.#machine.disk.store;
    return promise.then(
      (value) => {
        if (!this.alive) return never<T>();
        if (gone()) throw DOWN;
        return value;
      },
      (error: unknown) => {
        if (this.alive) throw gone() ? DOWN : error;
        return never<T>();
      },
    );
  }
}

/** What a node reads, with the versions that it knows of. */
class FarReader implements Reader {
  readonly #inner: Reader;
  readonly #versions: Versions;
  constructor(inner: Reader, versions: Versions) {
    this.#inner = inner;
    this.#versions = versions;
  }
  get<T = Row>(sql: string, parameters?: readonly Value[]): Promise<T | undefined> {
    return this.#inner.get<T>(sql, parameters);
  }
  all<T = Row>(sql: string, parameters?: readonly Value[]): Promise<T[]> {
    return this.#inner.all<T>(sql, parameters);
  }
  version(scope: string): number {
    return this.#versions.get(scope);
  }
}

/** The transaction, with no life after the node's death. */
class WatchedTransaction implements Transaction {
  readonly #inner: Transaction;
  readonly #store: UneasyStore;
  readonly #bumped: string[];
  constructor(inner: Transaction, store: UneasyStore, bumped: string[]) {
    this.#inner = inner;
    this.#store = store;
    this.#bumped = bumped;
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
    return this.#store.versions?.get(scope) ?? this.#inner.version(scope);
  }
  savepoint<T>(work: () => Promise<T>): Promise<T> {
    return this.#inner.savepoint(work);
  }
  bump(scope: string): void {
    this.#bumped.push(scope);
    this.#store.versions?.bump(scope);
    this.#inner.bump(scope);
  }
  afterCommit(effect: () => void): void {
    this.#inner.afterCommit(() => {
      if (this.#store.alive) effect();
    });
  }
}
