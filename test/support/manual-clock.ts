import type { Clock } from "../../src/clock/clock.ts";
import { systemClock } from "../../src/clock/system.ts";

type Sleeper = { readonly at: number; readonly wake: () => void };

/**
 * A clock whose time stands still until the test moves it on. Only what was handed this clock goes by it: the timers of
 * the store, of its driver and of the test itself are left alone. Chance always answers a little above one half.
 */
export class ManualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();
  constructor(now: number) {
    this.#now = now;
  }
  now(): number {
    return this.#now;
  }
  /** A sleep of a millisecond or less is over as soon as the process is idle: no test means to stop the time there. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper: Sleeper = { at: this.#now + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", wake);
      if (ms <= 1) setImmediate(wake);
    });
  }
  /** Moves time on, from one sleep's end to the next; who wakes finds the time that it asked for. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      let next: Sleeper | undefined;
      for (const sleeper of this.#sleepers) if (sleeper.at <= until && (!next || sleeper.at < next.at)) next = sleeper;
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      // What it does until it waits for something else comes first.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = until;
  }
  uuid(): string {
    return systemClock.uuid();
  }
  text(length: number, alphabet: string): string {
    return systemClock.text(length, alphabet);
  }
  random(): number {
    return 0.500_1;
  }
}
