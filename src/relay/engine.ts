import type { Clock } from "../clock/clock.ts";
import type { Store, Transaction } from "../store/store.ts";
import { EffectRunner } from "./effects.ts";
import { Nodes } from "./nodes.ts";
import { backOff, claimedOf, failureText, type Log } from "./attempt.ts";
import type { Claimed, EffectWorker, Outcome, PureWorker, Relay, Work } from "./relay.ts";
import {
  cancelWork,
  deleteWork,
  dueWork,
  freeLeases,
  insertWork,
  nextDue,
  postponeWork,
  type WorkRow,
} from "./rows.ts";
import { writeStory } from "./story.ts";

/** How much may ride in one transaction before the rest is left as rows: pieces, and milliseconds. */
const RIDE_PIECES = 64;
const RIDE_MS = 10;
/** Rows claimed at a time. */
const CLAIM_LIMIT = 64;
/** The longest sleep: a safety net should a wake-up be missed. */
const NAP_MS = 5_000;
/** The same where other nodes leave work too, of which this one hears nothing. */
const SHARED_NAP_MS = 500;
/** The longest pause between tries to reach a store that does not answer; the first is a millisecond. */
const RETRY_MS = 1_000;

const RIDES = Symbol("rides");
type Ride = { readonly work: Work; readonly since: number };

/** The relay on any store. See relay.ts for what it promises. */
export class RelayEngine implements Relay {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #rideMs: number;
  readonly #pure = new Map<string, PureWorker>();
  readonly #effects: EffectRunner;
  readonly #nodes: Nodes;
  #napMs = NAP_MS;
  #nap = new AbortController();
  /** How often in succession the store did not answer. */
  #failures = 0;
  #pumping: Promise<void> | undefined;
  #again = false;
  #running = false;

  /** @param rideMs how long rides may take in one transaction */
  constructor(store: Store, clock: Clock, log: Log, rideMs: number = RIDE_MS) {
    this.#store = store;
    this.#rideMs = rideMs;
    this.#clock = clock;
    this.#log = log;
    this.#nodes = new Nodes(store, log, clock, () => this.#wake());
    this.#effects = new EffectRunner({
      clock,
      node: () => this.#nodes.number,
      log,
      transact: (work) => this.transact(work),
      freed: () => this.#wake(),
    });
  }

  pure(kind: string, worker: PureWorker): void {
    this.#pure.set(kind, worker);
  }
  effect(kind: string, worker: EffectWorker, options: { readonly concurrency?: number } = {}): void {
    this.#effects.add(kind, worker, options.concurrency ?? 32);
  }

  async append(transaction: Transaction, work: Work): Promise<void> {
    const now = this.#clock.now();
    if (this.#pure.has(work.kind) && (work.dueAt ?? 0) <= now) {
      const rides = transaction.scratch.get(RIDES) as Ride[] | undefined;
      // Absent after the ride has ended, or in a transaction that is not the relay's: then a row is left.
      if (rides) {
        rides.push({ work, since: now });
        return;
      }
    }
    await this.#leave(transaction, work, work.dueAt ?? now, now, 1, null);
  }

  async cancel(transaction: Transaction, kind: string, key: string): Promise<void> {
    await cancelWork(transaction, kind, key);
  }

  transact<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#store.write(async (transaction) => {
      transaction.scratch.set(RIDES, []);
      const value = await work(transaction);
      await this.#ride(transaction);
      await writeStory(transaction, this.#clock);
      return value;
    });
  }

  /** Starts claiming. `alone` says that no other node shares the store, so every lease found is a dead process's. */
  async start(alone: boolean): Promise<void> {
    if (alone) await this.#store.write((transaction) => freeLeases(transaction));
    else {
      this.#napMs = SHARED_NAP_MS;
      await this.#nodes.start();
    }
    this.#running = true;
    this.#wake();
  }

  /** Stops claiming, waits for the effects under way until `deadlineMs` and hands the rest back. */
  async stop(deadlineMs: number): Promise<void> {
    this.#running = false;
    this.#nap.abort();
    await this.#effects.stop(deadlineMs, this.#pumping);
    await this.#nodes.stop();
  }

  async #ride(transaction: Transaction): Promise<void> {
    const rides = transaction.scratch.get(RIDES) as Ride[] | undefined;
    if (!rides) return;
    const started = performance.now();
    for (let next = 0; next < rides.length; next++) {
      const ride = rides[next];
      if (!ride) break;
      const worker = this.#pure.get(ride.work.kind);
      if (!worker || next >= RIDE_PIECES || performance.now() - started > this.#rideMs) {
        await this.#leave(transaction, ride.work, this.#clock.now(), ride.since, 1, null);
        continue;
      }
      await this.#rideOne(transaction, worker, ride);
    }
    transaction.scratch.delete(RIDES);
  }

  async #rideOne(transaction: Transaction, worker: PureWorker, { work, since }: Ride): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = await transaction.savepoint(() => worker(transaction, { ...work, id: "", attempt: 1, since }));
    } catch (error) {
      // The call that caused it must not suffer: the work is left as a row, and tried again by itself.
      this.#log("warn", `work ${work.kind} failed while riding`, {
        key: work.key,
        trace: work.trace,
        error: failureText(error),
      });
      await this.#leave(transaction, work, this.#clock.now() + backOff(1, this.#clock), since, 2, failureText(error));
      return;
    }
    if (outcome.kind === "again")
      await this.#leave(transaction, { ...work, body: outcome.body ?? work.body }, outcome.dueAt, since, 2, null);
  }

  async #leave(
    transaction: Transaction,
    work: Work,
    dueAt: number,
    since: number,
    attempt: number,
    failure: string | null,
  ): Promise<void> {
    const { kind, key, trace } = work;
    const body = JSON.stringify(work.body ?? null);
    await insertWork(
      transaction,
      { id: this.#clock.uuid(), kind, key, trace, body, due_at: dueAt, since, attempt, fence: 0 },
      failure,
    );
    transaction.afterCommit(() => this.#wake(dueAt));
  }

  #wakeAt = Number.POSITIVE_INFINITY;
  #wake(at = 0): void {
    if (!this.#running) return;
    if (this.#pumping) {
      this.#again = true;
      return;
    }
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    this.#nap.abort();
    const nap = new AbortController();
    this.#nap = nap;
    const ms = Math.max(1, Math.min(at - this.#clock.now(), this.#napMs));
    void this.#clock.sleep(ms, nap.signal).then(() => {
      if (nap.signal.aborted) return;
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.#pumping = this.#pumpUntilNext();
    });
  }

  async #pumpUntilNext(): Promise<void> {
    let due: number | undefined;
    try {
      await this.#pump();
      due = (await this.#store.read((reader) => nextDue(reader, this.#effects.busy())))?.due_at;
      this.#failures = 0;
    } catch (error) {
      this.#log("error", "the relay cannot reach the store; trying again", { error: failureText(error) });
      this.#failures++;
    }
    this.#pumping = undefined;
    const again = this.#again;
    this.#again = false;
    const now = this.#clock.now();
    if (this.#failures > 0) this.#wake(now + Math.min(2 ** (this.#failures - 1), RETRY_MS));
    else this.#wake(again ? 0 : (due ?? now + this.#napMs));
  }

  async #pump(): Promise<void> {
    while (this.#running) {
      const busy = this.#effects.busy();
      const limit = this.#effects.room(CLAIM_LIMIT);
      let started: WorkRow[] = [];
      const claiming = this.transact(async (transaction) => {
        // The store may do it again.
        this.#effects.unlease(started);
        started = [];
        const rows = await dueWork(transaction, this.#clock.now(), busy, limit);
        for (const row of rows) {
          const worker = this.#pure.get(row.kind);
          if (worker) await this.#workOne(transaction, worker, row);
          else if (await this.#effects.lease(transaction, row)) started.push(row);
        }
        transaction.afterCommit(() => {
          this.#effects.run(started);
          started = [];
        });
        return rows.length;
      });
      const claimed = await claiming.catch(async (error: unknown) => {
        // Perhaps it was committed all the same, and only the answer was lost.
        await this.#effects.recover(started);
        throw error;
      });
      if (claimed < limit) return;
    }
  }

  async #workOne(transaction: Transaction, worker: PureWorker, row: WorkRow): Promise<void> {
    const work: Claimed = claimedOf(row);
    let outcome: Outcome;
    try {
      outcome = await transaction.savepoint(async () => {
        await deleteWork(transaction, row.id);
        return worker(transaction, work);
      });
    } catch (error) {
      this.#log("warn", `work ${row.kind} failed`, {
        key: row.key,
        trace: row.trace,
        attempt: row.attempt,
        error: failureText(error),
      });
      await postponeWork(
        transaction,
        row.id,
        this.#clock.now() + backOff(row.attempt, this.#clock),
        row.attempt + 1,
        row.body,
        failureText(error),
      );
      return;
    }
    if (outcome.kind === "again") {
      const body = outcome.body === undefined ? row.body : JSON.stringify(outcome.body);
      await insertWork(transaction, { ...row, due_at: outcome.dueAt, attempt: row.attempt + 1, body });
    }
  }
}
