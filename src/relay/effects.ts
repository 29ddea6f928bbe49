import type { Clock } from "../clock/clock.ts";
import { StoreUnavailable, type Transaction } from "../store/store.ts";
import { backOff, claimedOf, failureText, type Log } from "./attempt.ts";
import type { EffectWorker, Outcome } from "./relay.ts";
import {
  deleteWork,
  extendLease,
  freeLease,
  holdsLease,
  leaseOf,
  leaseWork,
  postponeWork,
  type WorkRow,
} from "./rows.ts";

/** A lease outlives a missed heartbeat, and is short enough that another node takes over soon. */
const LEASE_MS = 30_000;
const HEARTBEAT_MS = 10_000;
/** The pauses between tries to hand work back to a store that does not answer: doubling, and while the node stops. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
/** A store that answers, and refuses what is to be written, is asked so often: by then the lease is about to run out. */
const REFUSALS = 8;
/** What is told to end has so long to be handed back. */
const HAND_BACK_MS = 1_000;

type Kind = {
  readonly worker: EffectWorker;
  readonly concurrency: number;
  running: number;
  /** Whether a claim found more of it than there were hands. */
  crowded: boolean;
};
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
  /** Tells the workers to end. */
  readonly #stopping = new AbortController();
  /** Nothing is tried any more. */
  readonly #stopped = new AbortController();
  readonly #under = new Map<WorkRow, Promise<void>>();
  #beating = false;
  constructor(options: Options) {
    this.#options = options;
  }
  add(kind: string, worker: EffectWorker, concurrency: number): void {
    this.#kinds.set(kind, { worker, concurrency, running: 0, crowded: false });
  }
  /** The kinds that have no hand free. */
  busy(): string[] {
    return [...this.#kinds].filter(([, kind]) => kind.running >= kind.concurrency).map(([name]) => name);
  }
  /**
   * How many rows to claim, `most` at most: no more than there are hands free for a kind that waited for hands when
   * rows were claimed last, because what is claimed in vain is kept from the other nodes meanwhile.
   */
  room(most: number): number {
    let room = most;
    for (const kind of this.#kinds.values()) {
      if (!kind.crowded || kind.running >= kind.concurrency) continue;
      room = Math.min(room, kind.concurrency - kind.running);
      kind.crowded = false;
    }
    return room;
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
    if (kind.running >= kind.concurrency) {
      kind.crowded = true;
      return false;
    }
    kind.running++;
    // The last hand: there may be more.
    if (kind.running === kind.concurrency) kind.crowded = true;
    await leaseWork(transaction, row.id, this.#options.clock.now() + LEASE_MS, row.fence + 1, this.#options.node());
    return true;
  }
  /** The transaction in which these were taken was taken back. */
  unlease(rows: readonly WorkRow[]): void {
    for (const row of rows) {
      const kind = this.#kinds.get(row.kind);
      if (kind) kind.running--;
    }
  }
  /**
   * Whether the transaction in which these were taken was committed is unknown. Frees what was: nobody works on it.
   * Resolves when the store has answered, and nothing may be claimed before: a later lease could be taken for this one.
   */
  async recover(rows: readonly WorkRow[]): Promise<void> {
    if (rows.length === 0) return;
    const node = this.#options.node();
    await this.#insist("leases that may have been taken could not be freed", async (transaction) => {
      for (const { id, fence, due_at } of rows) {
        const held = await leaseOf(transaction, id);
        if (held?.leased === node && held.fence === fence + 1) await freeLease(transaction, id, due_at);
      }
    });
    this.unlease(rows);
  }
  /** Starts what was leased, once the leases are durable. */
  run(rows: readonly WorkRow[]): void {
    for (const row of rows) {
      const done = this.#runOne(row).finally(() => {
        this.#under.delete(row);
        const kind = this.#kinds.get(row.kind);
        if (!kind) return;
        kind.running--;
        if (kind.running === kind.concurrency - 1) this.#options.freed();
      });
      this.#under.set(row, done);
    }
    if (!this.#beating && rows.length > 0) void this.#heartbeat();
  }
  /** @param claiming the claim under way, which may still start something */
  async stop(deadlineMs: number, claiming: Promise<void> | undefined): Promise<void> {
    await this.#settled(deadlineMs, claiming);
    this.#stopping.abort();
    await this.#settled(HAND_BACK_MS, claiming);
    this.#stopped.abort();
  }

  /** Resolves when nothing runs any more, or after `ms`. */
  async #settled(ms: number, claiming: Promise<void> | undefined): Promise<void> {
    const patience = new AbortController();
    const all = async (): Promise<void> => {
      await claiming;
      await Promise.allSettled(this.#under.values());
    };
    await Promise.race([all(), this.#options.clock.sleep(ms, patience.signal)]);
    patience.abort();
  }

  /** Extends all leases from time to time, as long as there are any. */
  async #heartbeat(): Promise<void> {
    const { clock, log, transact } = this.#options;
    const { signal } = this.#stopped;
    this.#beating = true;
    while (this.#under.size > 0) {
      await clock.sleep(HEARTBEAT_MS, signal);
      if (signal.aborted) break;
      try {
        await transact(async (transaction) => {
          const until = clock.now() + LEASE_MS;
          for (const { id, fence } of this.#under.keys()) await extendLease(transaction, id, until, fence + 1);
        });
      } catch (error) {
        log("warn", "leases could not be extended", { count: this.#under.size, error: failureText(error) });
      }
    }
    this.#beating = false;
  }

  async #runOne(row: WorkRow): Promise<void> {
    const { log, transact } = this.#options;
    const worker = this.#kinds.get(row.kind)?.worker;
    if (!worker) return;
    const fence = row.fence + 1;
    try {
      const settle = await worker(claimedOf(row), this.#stopping.signal);
      await transact(async (transaction) => {
        const outcome = await settledIfHeld(holdsLease(transaction, row.id, fence), settle(transaction));
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
      if (error instanceof LeaseLost) return;
      log("warn", `work ${row.kind} failed`, {
        key: row.key,
        trace: row.trace,
        attempt: row.attempt,
        error: failureText(error),
      });
      await this.#giveBack(row, error);
    }
  }

  async #giveBack(row: WorkRow, error: unknown): Promise<void> {
    const { clock } = this.#options;
    await this.#insist("work could not be handed back", async (transaction) => {
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
  }

  /**
   * Writes again and again until the store answers. What is to be written keeps its hand meanwhile, so that no more
   * piles up than there are hands. When the node has stopped, other nodes or its next start free the leases.
   */
  async #insist(complaint: string, work: (transaction: Transaction) => Promise<void>): Promise<void> {
    const { clock, log, transact } = this.#options;
    let refusals = 0;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await transact(work);
      } catch (error) {
        log("error", complaint, { error: failureText(error) });
        if (!(error instanceof StoreUnavailable) && ++refusals === REFUSALS) return;
      }
      if (this.#stopped.signal.aborted) return;
      if (this.#stopping.signal.aborted) await clock.sleep(FIRST_PAUSE_MS, this.#stopped.signal);
      else await clock.sleep(pauseMs, this.#stopping.signal);
    }
  }
}

/** Another node took over meanwhile: its result counts, and what this one has written is taken back. */
class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** The lease is looked at, and locked, first; what is read to settle the work need not wait for the answer. */
async function settledIfHeld(held: Promise<boolean>, settling: Promise<Outcome>): Promise<Outcome> {
  const [holds, outcome] = await Promise.allSettled([held, settling]);
  if (holds.status === "rejected") throw holds.reason;
  if (!holds.value) throw new LeaseLost("the lease was lost");
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}
