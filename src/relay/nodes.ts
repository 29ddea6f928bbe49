import type { Clock } from "../clock/clock.ts";
import type { Reader, Store, Transaction } from "../store/store.ts";
import { failureText, type Log } from "./attempt.ts";

/** How often a node says that it lives, and after how long a silence its work is given to others. */
const BEAT_MS = 300;
const SILENT_MS = 1_500;

type Seen = { readonly beat: number; readonly at: number };

/**
 * This node among those that share the store. Each counts up its beat; whose beat stands still for SILENT_MS, by the
 * watch of whoever looks, is taken for dead, and the leases that it holds are freed. Clocks are not compared. A node
 * that was only slow finds out when it settles: its leases are no longer its own.
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
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;

  constructor(store: Store, log: Log, clock: Clock, freed: () => void) {
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
    this.#freed = freed;
  }

  async start(): Promise<void> {
    this.number = 2 + Math.floor(this.#clock.random() * 2 ** 50);
    await this.#beat();
    this.#timer = setInterval(() => {
      // A beat that takes long is not overtaken by the next.
      this.#beating ??= this.#beat()
        .then(() => this.#look())
        .catch((error: unknown) =>
          this.#log("warn", "this node cannot say that it lives", { error: failureText(error) }),
        )
        .finally(() => (this.#beating = undefined));
    }, BEAT_MS);
  }

  /** Leaves at once, and frees what is still leased. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    if (this.#timer) await this.#store.write((transaction) => this.#bury(transaction, this.number));
  }

  #beat(): Promise<void> {
    return this.#store.write((transaction) => beat(transaction, this.number));
  }

  async #look(): Promise<void> {
    const at = performance.now();
    const rows = await this.#store.read((reader) => beats(reader));
    const seen = new Map<number, Seen>();
    for (const { number, beat } of rows) {
      const known = this.#seen.get(number);
      if (known?.beat !== beat) seen.set(number, { beat, at });
      else if (number === this.number || at - known.at < SILENT_MS) seen.set(number, known);
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
    await freeLeasesOf(transaction, number, this.#clock.now());
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

/** A scan of the table, once for each node that dies or leaves. */
const freeLeasesOf = (tx: Transaction, number: number, now: number) =>
  tx.run("update work set leased = 0, due_at = $1 where leased = $2", [now, number]);
