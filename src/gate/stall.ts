import type { Clock } from "../clock/clock.ts";
import type { Limits } from "./limits.ts";

/** Something that waits for the other side of a connection. */
export interface Waiter {
  /** The other side was too slow. */
  cutOff(): void;
}
type Wait = { since: number; waited: number; bytes: number; waiting: boolean };

/**
 * Watches everything that waits for a client, and cuts off those that are too slow: no byte for `idleMs`, or, once it
 * was waited for longer than that in all, fewer than `bodyBytesPerSecond`. Only the time that we wait counts, so
 * a client is never blamed for our own slowness. One sweep a second serves all connections; a wait costs no timer.
 */
export class StallWatch {
  readonly #waits = new Map<Waiter, Wait>();
  readonly #clock: Clock;
  readonly #limits: Limits;
  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  begin(waiter: Waiter): void {
    const wait = this.#waits.get(waiter);
    if (wait === undefined) this.#waits.set(waiter, { since: this.#clock.now(), waited: 0, bytes: 0, waiting: true });
    else {
      wait.since = this.#clock.now();
      wait.waiting = true;
    }
  }

  /** Bytes came or went. */
  progress(waiter: Waiter, bytes: number): void {
    const wait = this.#waits.get(waiter);
    if (!wait) return;
    const now = this.#clock.now();
    wait.waited += now - wait.since;
    wait.since = now;
    wait.bytes += bytes;
  }

  /** Nobody waits at the moment; what was counted is kept until `forget`. */
  end(waiter: Waiter): void {
    const wait = this.#waits.get(waiter);
    if (wait) wait.waiting = false;
  }

  forget(waiter: Waiter): void {
    this.#waits.delete(waiter);
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const pause = Math.min(1_000, this.#limits.idleMs / 4);
    while (!signal.aborted) {
      await this.#clock.sleep(pause, signal);
      this.sweep();
    }
  }

  sweep(): void {
    const { idleMs, bodyBytesPerSecond } = this.#limits;
    const now = this.#clock.now();
    for (const [waiter, wait] of this.#waits) {
      if (!wait.waiting) continue;
      const pause = now - wait.since;
      const waited = wait.waited + pause;
      if (pause < idleMs && (waited < idleMs || wait.bytes * 1000 >= waited * bodyBytesPerSecond)) continue;
      this.#waits.delete(waiter);
      waiter.cutOff();
    }
  }
}
