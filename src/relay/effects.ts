import type { Clock } from "../clock/clock.ts";
import type { Transaction } from "../store/store.ts";
import { backOff, claimedOf, failureText, type Log } from "./attempt.ts";
import type { EffectWorker } from "./relay.ts";
import { deleteWork, extendLease, holdsLease, leaseWork, postponeWork, type WorkRow } from "./rows.ts";

/** A lease outlives a missed heartbeat, and is short enough that another node takes over soon. */
const LEASE_MS = 30_000;
const HEARTBEAT_MS = 10_000;

type Kind = { readonly worker: EffectWorker; readonly concurrency: number; running: number };
type Options = {
  readonly clock: Clock;
  /** What the leases of this node bear. */
  readonly node: () => number;
  readonly log: Log;
  readonly transact: <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;
  /** Told when a kind that was busy has a hand free again. */
  readonly freed: () => void;
};

/** Runs the work that leaves the transaction, each under a lease with a heartbeat and a fencing number. */
export class EffectRunner {
  readonly #options: Options;
  readonly #kinds = new Map<string, Kind>();
  readonly #stopping = new AbortController();
  readonly #under = new Set<Promise<void>>();
  constructor(options: Options) {
    this.#options = options;
  }
  add(kind: string, worker: EffectWorker, concurrency: number): void {
    this.#kinds.set(kind, { worker, concurrency, running: 0 });
  }
  /** The kinds that have no hand free. */
  busy(): string[] {
    return [...this.#kinds].filter(([, kind]) => kind.running >= kind.concurrency).map(([name]) => name);
  }
  /** Takes the row for this node, in the claiming transaction. False if there is no hand free, or nobody knows such work. */
  async lease(transaction: Transaction, row: WorkRow): Promise<boolean> {
    const kind = this.#kinds.get(row.kind);
    if (!kind) {
      // A room that this program does not have left it; it is kept, visibly, and looked at again after an upgrade.
      await postponeWork(
        transaction,
        row.id,
        this.#options.clock.now() + 3_600_000,
        row.attempt,
        row.body,
        `nothing here works on ${row.kind}`,
      );
      this.#options.log("warn", `work of unknown kind ${row.kind} is kept`, { key: row.key });
      return false;
    }
    if (kind.running >= kind.concurrency) return false;
    kind.running++;
    await leaseWork(transaction, row.id, this.#options.clock.now() + LEASE_MS, row.fence + 1, this.#options.node());
    return true;
  }
  /** The transaction in which these were taken did not come to be. */
  unlease(rows: readonly WorkRow[]): void {
    for (const row of rows) {
      const kind = this.#kinds.get(row.kind);
      if (kind) kind.running--;
    }
  }
  /** Starts what was leased, once the leases are durable. */
  run(rows: readonly WorkRow[]): void {
    for (const row of rows) {
      const done = this.#runOne(row).finally(() => {
        this.#under.delete(done);
        const kind = this.#kinds.get(row.kind);
        if (!kind) return;
        kind.running--;
        if (kind.running === kind.concurrency - 1) this.#options.freed();
      });
      this.#under.add(done);
    }
  }
  async stop(deadlineMs: number): Promise<void> {
    await this.#settled(deadlineMs);
    this.#stopping.abort();
    await this.#settled(1000);
  }

  /** Resolves when nothing runs any more, or after `ms`. */
  async #settled(ms: number): Promise<void> {
    if (this.#under.size === 0) return;
    const patience = new AbortController();
    await Promise.race([Promise.allSettled(this.#under), this.#options.clock.sleep(ms, patience.signal)]);
    patience.abort();
  }

  async #runOne(row: WorkRow): Promise<void> {
    const { clock, log, transact } = this.#options;
    const worker = this.#kinds.get(row.kind)?.worker;
    if (!worker) return;
    const fence = row.fence + 1;
    const heartbeat = setInterval(() => {
      transact((transaction) => extendLease(transaction, row.id, clock.now() + LEASE_MS, fence)).catch(
        (error: unknown) => log("warn", "a lease could not be extended", { kind: row.kind, error: failureText(error) }),
      );
    }, HEARTBEAT_MS);
    try {
      const settle = await worker(claimedOf(row), this.#stopping.signal);
      await transact(async (transaction) => {
        // Another node took over meanwhile: its result counts, not this one.
        if (!(await holdsLease(transaction, row.id, fence))) return;
        const outcome = await settle(transaction);
        if (outcome.kind === "done") await deleteWork(transaction, row.id);
        else
          await postponeWork(
            transaction,
            row.id,
            outcome.dueAt,
            row.attempt + 1,
            outcome.body === undefined ? row.body : JSON.stringify(outcome.body),
            null,
          );
        if (outcome.kind === "again") transaction.afterCommit(this.#options.freed);
      });
    } catch (error) {
      log("warn", `work ${row.kind} failed`, {
        key: row.key,
        trace: row.trace,
        attempt: row.attempt,
        error: failureText(error),
      });
      await this.#giveBack(row, error);
    } finally {
      clearInterval(heartbeat);
    }
  }

  async #giveBack(row: WorkRow, error: unknown): Promise<void> {
    const { clock, log, transact } = this.#options;
    try {
      await transact(async (transaction) => {
        if (await holdsLease(transaction, row.id, row.fence + 1))
          await postponeWork(
            transaction,
            row.id,
            clock.now() + backOff(row.attempt, clock),
            row.attempt + 1,
            row.body,
            failureText(error),
          );
        transaction.afterCommit(this.#options.freed);
      });
    } catch (failure) {
      // The lease ends by itself, and the row is claimed again then.
      log("error", "work could not be handed back; its lease will run out", {
        kind: row.kind,
        error: failureText(failure),
      });
    }
  }
}
