import type { Clock } from "../clock/clock.ts";
import { StoreUnavailable } from "./store.ts";

/** A limit on bytes held in memory by all who share it. Who would go over it waits for others to give back, and is refused after a while. */
export class ByteBudget {
  readonly #limit: number;
  readonly #waitMs: number;
  readonly #clock: Clock;
  #used = 0;
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];
  constructor(clock: Clock, limit: number, waitMs: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#waitMs = waitMs;
  }
  get used(): number {
    return this.#used;
  }

  async take(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#used += bytes;
      return;
    }
    const patience = new AbortController();
    let entered = false;
    await new Promise<void>((resolve) => {
      const waiter = { bytes, enter: () => ((entered = true), patience.abort(), resolve()) };
      this.#waiting.push(waiter);
      void this.#clock.sleep(this.#waitMs, patience.signal).then(() => {
        const place = this.#waiting.indexOf(waiter);
        if (place >= 0) this.#waiting.splice(place, 1);
        resolve();
      });
    });
    if (!entered) throw new StoreUnavailable("too many bytes are on their way to the blob store");
  }

  give(bytes: number): void {
    this.#used -= bytes;
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.bytes;
      next.enter();
    }
  }

  /** What is larger than the whole budget goes in when it is alone. */
  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#limit;
  }
}
