import { inWorld, type World } from "./world.ts"; // first: it takes the timers
import { copyFileSync, existsSync, fstatSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Readable } from "node:stream";
import type { Clock } from "../../src/clock/clock.ts";
import type { Parts } from "../../src/flow.ts";
import { openNode, type StepwellNode } from "../../src/node.ts";
import { RelayEngine } from "../../src/relay/engine.ts";
import type { EffectWorker } from "../../src/relay/relay.ts";
import type { Blobs } from "../../src/store/blobs.ts";
import { migrationFiles } from "../../src/store/migrate.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { chance, type Chance } from "./random.ts";
import { UneasyStore } from "./store.ts";
import { CALM, type Weather } from "./weather.ts";

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";
const BEGINNING = Date.UTC(2026, 4, 4, 9, 0, 0);
export const FLUSH_MS = 20_000;
/** Beyond this the log may have been checkpointed, and a prefix of it is no state that a disk could be in. */
const LOG_UNCHECKED_BYTES = 24 * 1024 * 1024;
const SHARED_MEMORY = "/dev/shm";
const MIGRATIONS = migrationFiles();

export type Count = Record<string, number>;
type Chances = "refused" | "aborted" | "unacknowledged" | "late" | "unread" | "doubled" | "delayed";
type Living = { readonly folder: string; readonly store: UneasyStore; node: StepwellNode | undefined };

/** A machine that a node runs on, and all that can befall both. Its data outlives the nodes. */
export class Machine {
  readonly world: World;
  readonly counts: Count = {};
  readonly log: string[] = [];
  weather: Weather;
  full = false;
  readonly #chance: Chance;
  readonly #sync: Chance;
  readonly #own: Chance;
  readonly #blobs = new MemoryBlobs();
  readonly #root: string;
  #folders = 0;
  #offset = 0;
  /** Bytes of the living node's log that are safe from a power cut. */
  #safe = 0;
  #living: Living | undefined;
  /** Ends the syncs that are under way at once. */
  readonly #syncing = new Set<() => void>();
  readonly #closing = new Set<Promise<void>>();
  #awake = Promise.withResolvers<StepwellNode>();
  #death = Promise.withResolvers<void>();

  constructor(world: World, seed: number, weather: Weather) {
    this.world = world;
    this.weather = weather;
    this.#chance = chance(seed, "store");
    this.#sync = chance(seed, "disk");
    this.#own = chance(seed, "names");
    this.#root = mkdtempSync(join(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir(), "stepwell-simulation-"));
    world.disk = (file, done) => this.#syncs(file, done);
    mkdirSync(this.#folder(0));
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
  happens(what: Chances): boolean {
    const happens = this.#chance.is(this.weather[what]);
    if (happens) this.count(what);
    return happens;
  }
  /** Waits in the node's time: never comes to an end if the node dies. */
  pause(from: number, to: number): Promise<void> {
    const ms = this.#chance.between(from, to);
    return new Promise((resolve) => this.world.at(this.world.time + ms, "node", resolve));
  }
  now(): number {
    return Math.floor(BEGINNING + this.world.time + this.#offset);
  }
  jump(ms: number): void {
    this.#offset = ms;
  }

  /** The node, once there is one. */
  get node(): Promise<StepwellNode> {
    return this.#awake.promise;
  }
  /** Resolves when the node that lives now is killed. */
  get death(): Promise<void> {
    return this.#death.promise;
  }

  /** Starts a node on the data; tries again until it starts, as a supervisor would. */
  async start(): Promise<void> {
    for (;;) {
      const living = this.#open();
      this.#living = living;
      try {
        living.node = await Promise.race([openNode(this.#options(living)), this.#death.promise.then(() => undefined)]);
        if (living.node) this.#awake.resolve(living.node);
        return;
      } catch (error) {
        if (this.#living !== living) return;
        this.log.push(`could not start: ${String(error)}`);
        await this.kill("process");
        await this.world.sleep(1000);
      }
    }
  }

  /** Ends the node without a word. A power cut takes with it what the disk had not synced, or a part of that. */
  async kill(how: "process" | "power"): Promise<void> {
    const living = this.#living;
    if (!living) return;
    this.#living = undefined;
    this.count(how === "power" ? "power cuts" : "kills");
    living.store.alive = false;
    this.world.forgetNode();
    const next = this.#folder(++this.#folders);
    mkdirSync(next);
    this.#copy(living.folder, next, how);
    this.#death.resolve();
    this.#death = Promise.withResolvers();
    // Who waits for a node that died while it started waits for the next.
    if (living.node) this.#awake = Promise.withResolvers();
    for (const end of this.#syncing) end();
    const closing = living.store.close().then(() => {
      this.#closing.delete(closing);
      rmSync(living.folder, { recursive: true, force: true });
    });
    this.#closing.add(closing);
  }

  /** What the store holds, read past the node. */
  query<T>(sql: string): T[] {
    const database = new DatabaseSync(join(this.#living?.folder ?? this.#folder(this.#folders), "stepwell.db"));
    try {
      return database.prepare(sql).all() as T[];
    } finally {
      database.close();
    }
  }

  async remove(): Promise<void> {
    await this.kill("process");
    await Promise.all(this.#closing);
    rmSync(this.#root, { recursive: true, force: true });
  }

  #folder(number: number): string {
    return join(this.#root, String(number));
  }

  #open(): Living {
    const folder = this.#folder(this.#folders);
    const path = join(folder, "stepwell.db");
    if (existsSync(path)) checkpoint(path);
    const store = new UneasyStore(new SqliteStore(path, MIGRATIONS), this);
    this.#safe = statSync(`${path}-wal`).size;
    return { folder, store, node: undefined };
  }

  #options({ store }: Living): Parameters<typeof openNode>[0] {
    const log: Parts["log"] = (level, message, facts) => {
      if (level !== "info" && this.log.length < 5000)
        this.log.push(
          `${Math.round(this.world.time)} ${level} ${message} ${JSON.stringify(facts ?? {}).slice(0, 400)}`,
        );
    };
    return {
      data: "",
      account: ACCOUNT,
      region: REGION,
      auth: "on",
      clock: clockOf(this, store, this.#own),
      log,
      trailFlushMs: FLUSH_MS,
      opened: { store, blobs: this.#blobs, close: () => store.close() },
    };
  }

  #copy(from: string, to: string, how: "process" | "power"): void {
    for (const name of ["stepwell.db", "stepwell.db-wal"])
      if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name));
    const log = join(to, "stepwell.db-wal");
    if (how !== "power" || !existsSync(log)) return;
    const { size } = statSync(log);
    if (size <= this.#safe || size > LOG_UNCHECKED_BYTES) return;
    const kept = Math.floor(this.#sync.is(0.5) ? this.#safe : this.#sync.between(this.#safe, size));
    truncateSync(log, kept);
    this.count("commits cut off");
  }

  #syncs(file: number, done: (error: NodeJS.ErrnoException | null) => void): void {
    const { size } = fstatSync(file);
    const { slowSync, failedSync } = this.weather;
    const slow = this.#sync.is(slowSync);
    const failed = this.#sync.is(failedSync);
    if (slow) this.count("slow syncs");
    if (failed) this.count("failed syncs");
    const ms = slow ? this.#sync.between(100, 8_000) : this.#sync.between(0.2, 3);
    const living = this.#living;
    const entry = this.world.at(this.world.time + ms, "store", () => {
      this.#syncing.delete(end);
      if (failed) return done(Object.assign(new Error("simulated: EIO"), { code: "EIO" }));
      if (this.#living === living) this.#safe = size;
      done(null);
    });
    const end = (): void => {
      this.#syncing.delete(end);
      entry.run = undefined;
      this.world.at(this.world.time, "store", () => done(null));
    };
    this.#syncing.add(end);
  }
}

function checkpoint(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("pragma wal_checkpoint(truncate)");
  database.close();
}

function clockOf(machine: Machine, store: UneasyStore, own: Chance): Clock {
  let last = 0;
  let counter = 0;
  const hex = (length: number): string => {
    let text = "";
    while (text.length < length) text += own.whole(0, 16).toString(16);
    return text;
  };
  return {
    now: () => machine.now(),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        machine.world.at(machine.world.time + ms, "node", () => void (store.alive && resolve()));
        signal?.addEventListener("abort", () => resolve(), { once: true });
      }),
    uuid() {
      const ms = machine.now();
      if (ms > last || counter >= 0xfff) {
        last = Math.max(ms, last + 1);
        counter = 0;
      } else counter++;
      const time = last.toString(16).padStart(12, "0");
      return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, "0")}-8${hex(3)}-${hex(12)}`;
    },
    text: (length, alphabet) => Array.from({ length }, () => alphabet[own.whole(0, alphabet.length)]).join(""),
    random: own.random,
  };
}

class MemoryBlobs implements Blobs {
  readonly #blobs = new Map<string, Buffer>();
  async write(chunks: AsyncIterable<Uint8Array>, id = `blob-${this.#blobs.size}`) {
    const bytes = Buffer.concat(await Array.fromAsync(chunks));
    this.#blobs.set(id, bytes);
    return { id, size: bytes.length };
  }
  read(id: string, start: number, end: number): Readable {
    return Readable.from([this.#blobs.get(id)?.subarray(start, end === Infinity ? undefined : end) ?? Buffer.alloc(0)]);
  }
  async remove(id: string): Promise<void> {
    this.#blobs.delete(id);
  }
  async *older(): AsyncIterable<string> {}
}

/** The machine whose node names its workers now. */
let naming: Machine | undefined;
// oxlint-disable-next-line typescript/unbound-method -- called below with the engine that it belongs to
const effect = RelayEngine.prototype.effect;
/** Every effect may set out late, be done twice, or come back late. */
RelayEngine.prototype.effect = function (kind, worker, options) {
  const machine = naming;
  effect.call(this, kind, machine ? uneasy(machine, worker) : worker, options);
};

function uneasy(machine: Machine, worker: EffectWorker): EffectWorker {
  return async (work, signal) => {
    if (machine.happens("delayed")) await machine.pause(1, 45_000);
    const settle = await worker(work, signal);
    if (!machine.happens("doubled")) return settle;
    if (machine.happens("delayed")) await machine.pause(1, 45_000);
    return worker(work, signal);
  };
}

/** Runs a machine in a world of its own, and leaves nothing behind. */
export function onMachine<T>(seed: number, weather: Weather, work: (machine: Machine) => Promise<T>): Promise<T> {
  return inWorld(async (world) => {
    const machine = new Machine(world, seed, CALM);
    naming = machine;
    try {
      await machine.start();
      machine.weather = weather;
      return await work(machine);
    } finally {
      naming = undefined;
      await machine.remove();
    }
  });
}
