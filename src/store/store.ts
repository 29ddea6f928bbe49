/**
 * The store: portable SQL over one of several engines (SQLite in the process today).
 * SQL uses `$1` parameters, and only what SQLite, PostgreSQL, CockroachDB and YugabyteDB all speak
 * (`insert … on conflict …`, `returning`, no `rowid`, no JSON functions). Column types: `text`, `bigint`, `bytea`.
 * Booleans are stored as 0/1 in a bigint, times as milliseconds in a bigint, documents as JSON in a text.
 */
export type Value = string | number | bigint | null | Uint8Array;
export type Row = Readonly<Record<string, Value>>;

export interface Reader {
  /** The first row, or undefined. */
  get<T = Row>(sql: string, parameters?: readonly Value[]): Promise<T | undefined>;
  /** Every row, in the statement's order. Put a `limit` in every statement whose result can grow. */
  all<T = Row>(sql: string, parameters?: readonly Value[]): Promise<T[]>;
  /** The number that `Transaction.bump(scope)` has reached, as seen from here: cheap, meant for cache checks on hot paths. */
  version(scope: string): number;
}

/**
 * A transaction. Several transactions of different callers share one durable commit (group commit), so the
 * function that gets a `Transaction` must await nothing but the transaction itself: no files, no timers, no network.
 */
export interface Transaction extends Reader {
  /** Runs a statement that changes rows and answers how many it changed. */
  run(sql: string, parameters?: readonly Value[]): Promise<number>;
  /** Runs `work` so that a throw takes back what it wrote, and only that; the throw is passed on. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Waits until no other transaction, on whatever node, is past the same line with the same scope; ends with the
   * transaction. Absent where there is one writer only.
   */
  lock?(scope: string): Promise<void>;
  /** Tells every cache that what it keeps under `scope` is out of date. */
  bump(scope: string): void;
  /** Runs after the commit is durable, never when the transaction is taken back. Must not throw. */
  afterCommit(effect: () => void): void;
  /**
   * Values that live as long as this transaction, for the relay's and the flow record's bookkeeping.
   * A value that is an array is cut back to its length when a savepoint is taken back.
   */
  readonly scratch: Map<unknown, unknown>;
}

export interface Store {
  /** Reads committed, durable rows. Each statement sees one consistent snapshot; two statements may see two. */
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>;
  /** Runs `work` in a transaction and resolves when its commit is durable. A throw takes everything back and is passed on. */
  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
  /** Durable commits of this process, and the transactions that shared them. */
  readonly commits?: { readonly groups: number; readonly transactions: number };
}

/**
 * Raised by work that finds a row changed since it read it, which on a store with several writers can happen: the
 * store does the work again from its start.
 */
export class WriteConflict extends Error {
  override readonly name = "WriteConflict";
}

/** Raised when the disk is full or the database cannot be written: the caller sees 503 and may try again. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}
