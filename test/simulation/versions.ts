import type { World } from "./world.ts";

/** How often a node asks what others have changed. */
const POLL_MS = 900;

/** What the nodes that share a store have changed, and when, as PostgreSQL's counters tell it. */
export class ChangeLog {
  readonly entries: { readonly at: number; readonly scope: string; readonly by: Versions }[] = [];
  readonly world: World;
  /**
   * How often something was lost that was committed, but not on the disk. SQLite shows such things to readers before
   * they are durable, so that caches may have them; PostgreSQL does not.
   */
  losses = 0;
  constructor(world: World) {
    this.world = world;
  }
}

/** The versions as one of several nodes sees them: its own changes at once, those of others at its next poll. */
export class Versions {
  readonly #log: ChangeLog;
  readonly #phase: number;
  readonly #versions = new Map<string, number>();
  #heard: number;
  constructor(log: ChangeLog, phase: number) {
    this.#log = log;
    this.#phase = phase * POLL_MS;
    this.#heard = log.entries.length;
  }

  get(scope: string): number {
    const { entries, world } = this.#log;
    const polled = Math.floor((world.time - this.#phase) / POLL_MS) * POLL_MS + this.#phase;
    for (let next = entries[this.#heard]; next && next.at <= polled; next = entries[++this.#heard])
      if (next.by !== this) this.bump(next.scope);
    return (this.#versions.get(scope) ?? 0) + this.#log.losses;
  }
  bump(scope: string): void {
    this.#versions.set(scope, (this.#versions.get(scope) ?? 0) + 1);
  }
  /** Tells the others of what was committed, or may have been. */
  announce(scopes: readonly string[]): void {
    for (const scope of scopes) {
      this.bump(scope);
      this.#log.entries.push({ at: this.#log.world.time, scope, by: this });
    }
  }
}
