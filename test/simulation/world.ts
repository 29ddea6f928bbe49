/**
 * The simulated machine: time, timers and the disk's sync, all driven by one queue. Importing this file makes the
 * process's timers its own, so it must be imported before anything of src/ is. Outside of a run they are the real ones.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import zlib from "node:zlib";

/** Timers of a node are forgotten when it dies; what a store and the disk have begun comes to its end. */
type Whose = "test" | "store" | { readonly name: string };
export type Entry = { readonly at: number; readonly whose: Whose; run: (() => void) | undefined };
type Synced = (error: NodeJS.ErrnoException | null) => void;

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  now: performance.now.bind(performance),
  fdatasync: fs.fdatasync,
  gzip: zlib.gzip,
};
/** The real watch, for telling how fast seeds run. */
export const realNow = real.now;

/** What becomes of an fdatasync. */
export type Disk = (file: number, done: Synced) => void;

export class World {
  /** Milliseconds since the beginning, as no clock in it shows them. */
  time: number;
  disk: Disk = (_, done) => this.at(this.time + 0.3, "store", () => done(null));
  readonly #queue: Entry[] = [];
  constructor(time: number) {
    this.time = time;
  }

  /** Runs something at a time. */
  at(time: number, whose: Whose, run: () => void): Entry {
    const entry: Entry = { at: Math.max(time, this.time), whose, run };
    let place = this.#queue.length;
    // Latest first, so that the next is popped; most new entries are soon due and move little.
    while (place > 0 && (this.#queue[place - 1]?.at ?? 0) <= entry.at) place--;
    this.#queue.splice(place, 0, entry);
    return entry;
  }

  /** Waits outside of the node. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.at(this.time + ms, "test", resolve));
  }

  /** Does what is next, and lets everything that follows from it come to rest. False if nothing is left. */
  async step(): Promise<boolean> {
    const entry = this.#queue.pop();
    if (!entry) return false;
    const { run } = entry;
    if (!run) return true;
    this.time = entry.at;
    run();
    await new Promise((resolve) => real.setImmediate(resolve));
    return true;
  }

  /** Forgets what a node had still to do. */
  forget(whose: Whose): void {
    for (const entry of this.#queue) if (entry.whose === whose) entry.run = undefined;
  }
}

/** No run takes so long by itself. */
const LIMIT_MS = 4 * 3_600_000;
let world: World | undefined;

/** Runs `work` in a simulated world that begins at a time; one at a time. */
export async function inWorld<T>(time: number, work: (world: World) => Promise<T>): Promise<T> {
  if (world) throw new Error("one world at a time");
  const own = new World(time);
  world = own;
  install();
  try {
    let result: { value: T } | { error: unknown } | undefined;
    work(own).then(
      (value) => (result = { value }),
      (error: unknown) => (result = { error }),
    );
    await new Promise((resolve) => real.setImmediate(resolve));
    while (!result && own.time < LIMIT_MS)
      if (!(await own.step()) && !result) throw new Error("the world stands still");
    if (!result) throw new Error("it does not come to rest");
    if ("error" in result) throw result.error;
    return result.value;
  } finally {
    uninstall();
    world = undefined;
  }
}

const here = (): World => {
  if (!world) throw new Error("there is no world");
  return world;
};

function install(): void {
  const cancel = (timer: unknown): void => {
    if (typeof timer === "object" && timer !== null) (timer as Entry).run = undefined;
  };
  const later = (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
    here().at(here().time + Math.max(1, ms), "store", () => run(...given));
  const every = (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) => {
    const timer: { run: (() => void) | undefined } = { run: () => run(...given) };
    const tick = (): void => {
      later(() => {
        if (!timer.run) return;
        tick();
        timer.run();
      }, ms);
    };
    tick();
    return timer;
  };
  const soon = (run: (...given: unknown[]) => void, ...given: unknown[]) =>
    here().at(here().time + 0.01, "store", () => run(...given));
  Object.assign(globalThis, {
    setTimeout: later,
    setInterval: every,
    setImmediate: soon,
    clearTimeout: cancel,
    clearInterval: cancel,
    clearImmediate: cancel,
  });
  performance.now = () => here().time;
}

function uninstall(): void {
  const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = real;
  Object.assign(globalThis, {
    setTimeout,
    setInterval,
    setImmediate,
    clearTimeout,
    clearInterval,
    clearImmediate,
  });
  performance.now = real.now;
}

const simulatedSync = (file: number, done: Synced): void =>
  world ? world.disk(file, done) : real.fdatasync(file, done);
/** On a thread it would end in the machine's own time. */
const simulatedGzip = (bytes: zlib.InputType, done: zlib.CompressCallback): void => {
  if (!world) return real.gzip(bytes, done);
  const zipped = zlib.gzipSync(bytes);
  world.at(world.time + 1, "store", () => done(null, zipped));
};
Object.assign(fs, { fdatasync: simulatedSync });
Object.assign(zlib, { gzip: simulatedGzip });
syncBuiltinESMExports();
