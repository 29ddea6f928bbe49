import type { Clock } from "../clock/clock.ts";
import type { Reader, Store, Transaction } from "../store/store.ts";
import { failureText, type Log } from "./attempt.ts";
import { freeLeasesOf } from "./rows.ts";

/** How often a node says that it lives, and how often others see the same beat before they take over: within 1.5 s. */
const BEAT_MS = 250;
const SILENT_LOOKS = 5;

/** A beat, and how often in succession it was found unchanged. */
type Seen = { readonly beat: number; readonly looks: number };

/**
 * This node among those that share the store. Each counts up its beat; who looks SILENT_LOOKS times and finds the same
 * takes that node for dead, and frees the leases that it holds. Looks are counted rather than time, so that nobody is
 * buried because the database was away, or whoever looks was asleep. A node that was only slow finds out when it
 * settles: its leases are no longer its own.
 */
export class Nodes {
  /** What leases of this node bear: 1 where it is alone. */
  number = 1;
  readonly #store: Store;
  readonly #log: Log;
  readonly #clock: Clock;
  /** Told when there may be work that a dead node left. */
  readonly #freed: () => void;
  #seen = new Map<number, Seen>();
  readonly #leaving = new AbortController();
  #living: Promise<void> | undefined;

  constructor(store: Store, log: Log, clock: Clock, freed: () => void) {
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
    this.#freed = freed;
  }

  async start(): Promise<void> {
    this.number = 2 + Math.floor(this.#clock.random() * 2 ** 50);
    await this.#beat();
    this.#living = this.#live();
  }

  /** Leaves at once, and frees what is still leased. */
  async stop(): Promise<void> {
    this.#leaving.abort();
    if (!this.#living) return;
    await this.#living;
    try {
      await this.#store.write((transaction) => this.#bury(transaction, this.number));
    } catch (error) {
      // The others notice the silence.
      this.#log("warn", "this node could not say that it leaves", { error: failureText(error) });
    }
  }

  async #live(): Promise<void> {
    const { signal } = this.#leaving;
    for (;;) {
      const pause = this.#clock.sleep(BEAT_MS, signal);
      try {
        await this.#look();
      } catch (error) {
        this.#log("warn", "this node cannot say that it lives", { error: failureText(error) });
      }
      // A beat that takes long is not overtaken by the next.
      await pause;
      if (signal.aborted) return;
    }
  }

  #beat(): Promise<void> {
    return this.#store.write((transaction) => beat(transaction, this.number));
  }

  async #look(): Promise<void> {
    await this.#beat();
    const rows = await this.#store.read((reader) => beats(reader));
    const seen = new Map<number, Seen>();
    for (const { number, beat } of rows) {
      const known = this.#seen.get(number);
      if (known?.beat !== beat) seen.set(number, { beat, looks: 0 });
      else if (number === this.number || known.looks + 1 < SILENT_LOOKS)
        seen.set(number, { beat, looks: known.looks + 1 });
      else {
        this.#log("warn", "a node fell silent; its work goes to others", { node: number });
        await this.#store.write(async (transaction) => {
          if ((await removeSilent(transaction, number, beat)) === 1) await this.#bury(transaction, number);
        });
      }
    }
    this.#seen = seen;
  }

  async #bury(transaction: Transaction, number: number): Promise<void> {
    await removeNode(transaction, number);
    await freeLeasesOf(transaction, number);
    transaction.afterCommit(this.#freed);
  }
}

/** By the primary key. A node that was buried while it slept is listed again. */
const beat = async (tx: Transaction, number: number): Promise<void> => {
  await tx.run(
    "insert into relay_node (number, beat) values ($1, 1) on conflict (number) do update set beat = relay_node.beat + 1",
    [number],
  );
};

/** The whole table: a row for each node. */
const beats = (reader: Reader) =>
  reader.all<{ number: number; beat: number }>("select number, beat from relay_node order by number limit 10000");

/** By the primary key; 0 if it has shown life meanwhile, or somebody else was first. */
const removeSilent = (tx: Transaction, number: number, beatSeen: number) =>
  tx.run("delete from relay_node where number = $1 and beat = $2", [number, beatSeen]);

/** By the primary key. */
const removeNode = (tx: Transaction, number: number) => tx.run("delete from relay_node where number = $1", [number]);
