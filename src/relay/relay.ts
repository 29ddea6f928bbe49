import type { Transaction } from "../store/store.ts";

/**
 * The relay: everything that must still happen. A piece of work is a row of the `work` table, appended in the
 * transaction that causes it. Pure work that is due now does not wait for a row: it *rides*, that is, it runs in
 * a savepoint of the same transaction; only if it throws, or the transaction's budget is used up, is the row left.
 */
export type Work = {
  readonly kind: string;
  /** What the work is about: an execution's ARN, a rule's ARN … `cancel` and the flow record find it by this. */
  readonly key: string;
  /** The trace of the call that caused it. */
  readonly trace: string;
  /** Plain JSON data. */
  readonly body: unknown;
  /** When it is to happen, in milliseconds; absent means now. */
  readonly dueAt?: number;
};

/** Work as its handler sees it. */
export type Claimed = Work & {
  /** Empty while riding: there is no row yet. */
  readonly id: string;
  /** 1 at the first try. */
  readonly attempt: number;
  /** When this piece was first appended, in milliseconds. */
  readonly since: number;
};

/** What becomes of claimed work. `done` deletes the row, `again` keeps it for later; a throw means `again` after a back-off. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly dueAt: number; readonly body?: unknown };
export const DONE: Outcome = { kind: "done" };

/** Work that touches nothing but the transaction: claimed, worked and settled in one commit, and able to ride. */
export type PureWorker = (transaction: Transaction, work: Claimed) => Promise<Outcome>;
/**
 * Work with an effect outside the transaction (a function run, a file written, an AWS call of a Task state).
 * It holds a lease while it runs; what it answers is settled in one transaction, and dropped if the lease was lost.
 */
export type EffectWorker = (
  work: Claimed,
  signal: AbortSignal,
) => Promise<(transaction: Transaction) => Promise<Outcome>>;

export interface Relay {
  /** Names the worker of a kind of work. Called once per kind while the node is put together. */
  pure(kind: string, worker: PureWorker): void;
  effect(kind: string, worker: EffectWorker, options?: { readonly concurrency?: number }): void;
  /** Appends work to the transaction; pure work that is due rides at the end of it. */
  append(transaction: Transaction, work: Work): Promise<void>;
  /** Deletes what is still to happen of a kind for a key: a timer that is no longer wanted. */
  cancel(transaction: Transaction, kind: string, key: string): Promise<void>;
  /** Like `store.write`, and what was appended rides before the commit. Every room writes through this. */
  transact<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
}
