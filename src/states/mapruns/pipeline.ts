import type { Parts } from "../../flow.ts";
import type { MapRunRow } from "../rows/mapRuns.ts";
import type { MapRuns, NewChild, Started } from "./runs.ts";
import type { Wakes } from "./wakes.ts";

/** Transactions under way at once: they share commits, so that the disk is not waited for with each. */
const DEPTH = 4;

type Own = { readonly parts: Parts; readonly runs: MapRuns; readonly wakes: Wakes };
type Flight = { readonly size: number; readonly done: Promise<Started | undefined> };

/**
 * Starts a run's children chunk by chunk. A chunk's transaction begins when that of the chunk before it has done its
 * work, without waiting for its commit, as long as slots are free for all of them; each checks that the run is where
 * the one before it left it.
 */
export class Pipeline {
  readonly #own: Own;
  readonly #arn: string;
  #place: number;
  /** Slots that are free as far as is known, beyond those of the chunks under way. */
  #free = 0;
  #flights: Flight[] = [];
  inStep = true;
  constructor(own: Own, run: MapRunRow) {
    this.#own = own;
    this.#arn = run.arn;
    this.#place = run.children;
  }

  /** Answers why not, if the run is not to be fed any more. */
  async start(chunk: readonly NewChild[]): Promise<"out of step" | "stopped" | undefined> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#own.wakes.stopped) return "stopped";
      while (this.#flights.length > 0 && (this.#flights.length >= DEPTH || this.#free < rest.length))
        await this.#land();
      if (!this.inStep) return "out of step";
      if (this.#free >= rest.length) {
        await this.#launch(rest);
        return undefined;
      }
      const started = await this.#transact(rest, () => undefined);
      if (started === undefined) {
        this.inStep = false;
        return "out of step";
      }
      this.#place += started.started;
      this.#free = started.free;
      rest = rest.slice(started.started);
      if (rest.length > 0 && started.started === 0) await this.#own.wakes.wait(this.#arn);
    }
    return undefined;
  }

  /** Waits for everything under way. */
  async settled(): Promise<void> {
    while (this.#flights.length > 0) await this.#land();
  }

  async #launch(chunk: readonly NewChild[]): Promise<void> {
    this.#free -= chunk.length;
    const worked = Promise.withResolvers<undefined>();
    const done = this.#transact(chunk, () => worked.resolve(undefined));
    this.#place += chunk.length;
    this.#flights.push({ size: chunk.length, done });
    // What fails is thrown where the chunk lands.
    await Promise.race([worked.promise, done.catch(() => undefined)]);
  }

  async #land(): Promise<void> {
    const flight = this.#flights.shift();
    if (flight === undefined) return;
    const landed = await flight.done;
    if (landed?.started !== flight.size) {
      this.inStep = false;
      this.#free = 0;
    } else this.#free = landed.free - this.#flights.reduce((sum, { size }) => sum + size, 0);
  }

  #transact(chunk: readonly NewChild[], worked: () => void): Promise<Started | undefined> {
    const { parts, runs } = this.#own;
    const place = this.#place;
    return parts.relay.transact(async (transaction) => {
      const started = await runs.startSome(transaction, this.#arn, place, chunk);
      worked();
      return started;
    });
  }
}
