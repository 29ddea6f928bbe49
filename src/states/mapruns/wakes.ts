import type { Clock } from "../../clock/clock.ts";

/** How long a feeder waits before it looks by itself: another node may have ended children. */
const LOOK_EVERY_MS = 500;

/** Wakes the feeders of this node when a slot of their run has become free. */
export class Wakes {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, AbortController>();
  readonly #stopping = new AbortController();
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  wake(mapRun: string): void {
    this.#waiting.get(mapRun)?.abort();
  }
  /** Resolves when the run is worth another look. */
  async wait(mapRun: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const waiting = new AbortController();
    this.#waiting.set(mapRun, waiting);
    try {
      await this.#clock.sleep(LOOK_EVERY_MS, AbortSignal.any([waiting.signal, this.#stopping.signal]));
    } finally {
      this.#waiting.delete(mapRun);
    }
  }
  get stopped(): boolean {
    return this.#stopping.signal.aborted;
  }
  /** The node goes down: feeders hand back their work. */
  stop(): void {
    this.#stopping.abort();
  }
}
