import type { World } from "./world.ts"; // first: it takes the timers
import {
  copyFileSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { migrationFiles } from "../../src/store/migrate.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { Chance } from "./random.ts";
import type { Weather } from "./weather.ts";

/** Beyond this the log may have been checkpointed, and a prefix of it is no state that a disk could be in. */
const LOG_UNCHECKED_BYTES = 24 * 1024 * 1024;
const SHARED_MEMORY = "/dev/shm";
export const FOLDER_VARIABLE = "STEPWELL_SIMULATION_FOLDER";
/** In memory where that can be had: a run's disk is simulated, and no real one is to slow it. */
export const FOLDER = process.env[FOLDER_VARIABLE] ?? (existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir());
const MIGRATIONS = migrationFiles();

type Open = { readonly folder: string; readonly store: SqliteStore; reader: DatabaseSync | undefined };
type Surroundings = {
  readonly world: World;
  readonly chance: Chance;
  readonly weather: () => Weather;
  readonly count: (what: string) => void;
  /** Told when something was lost that was not on the disk yet. */
  readonly lost: () => void;
};

/** The database and the disk that it is on. It outlives those who crash. */
export class Disk {
  full = false;
  readonly #around: Surroundings;
  readonly #root = mkdtempSync(join(FOLDER, "stepwell-simulation-"));
  #folders = 0;
  /** Bytes of the open log that are safe from a power cut. */
  #safe = 0;
  #open: Open | undefined;
  /** Ends the syncs that are under way at once. */
  readonly #syncing = new Set<() => void>();
  readonly #closing = new Set<Promise<void>>();

  /** @param database what is on it already */
  constructor(around: Surroundings, database: Uint8Array | undefined) {
    this.#around = around;
    around.world.disk = (file, done) => this.#syncs(file, done);
    mkdirSync(this.#folder);
    if (database) writeFileSync(this.#path, database);
  }

  /** The database, unless it is down. A crash makes it another. */
  get store(): SqliteStore | undefined {
    return this.#open?.store;
  }

  open(): void {
    if (existsSync(`${this.#path}-wal`)) checkpoint(this.#path);
    const store = new SqliteStore(this.#path, MIGRATIONS);
    this.#safe = statSync(`${this.#path}-wal`).size;
    this.#open = { folder: this.#folder, store, reader: undefined };
  }

  /** Ends the database without a word. A power cut takes with it what the disk had not synced, or a part of that. */
  crash(how: "process" | "power"): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    this.#around.lost();
    this.#folders++;
    mkdirSync(this.#folder);
    for (const name of ["stepwell.db", "stepwell.db-wal"])
      if (existsSync(join(open.folder, name))) copyFileSync(join(open.folder, name), join(this.#folder, name));
    if (how === "power") this.#cutOff(`${this.#path}-wal`);
    for (const end of this.#syncing) end();
    open.reader?.close();
    const closing = open.store.close().then(() => {
      this.#closing.delete(closing);
      rmSync(open.folder, { recursive: true, force: true });
    });
    this.#closing.add(closing);
  }

  /** What the database holds, read past the store. */
  query<T>(sql: string): T[] {
    if (!this.#open) throw new Error("the database is down");
    this.#open.reader ??= new DatabaseSync(this.#path);
    return this.#open.reader.prepare(sql).all() as T[];
  }

  /** The database as a file, once nobody uses it. */
  async bytes(): Promise<Uint8Array> {
    this.crash("process");
    await Promise.all(this.#closing);
    checkpoint(this.#path);
    return readFileSync(this.#path);
  }

  async remove(): Promise<void> {
    this.crash("process");
    await Promise.all(this.#closing);
    rmSync(this.#root, { recursive: true, force: true });
  }

  get #folder(): string {
    return join(this.#root, String(this.#folders));
  }
  get #path(): string {
    return join(this.#folder, "stepwell.db");
  }

  #cutOff(log: string): void {
    if (!existsSync(log)) return;
    const { size } = statSync(log);
    if (size <= this.#safe || size > LOG_UNCHECKED_BYTES) return;
    const { chance, count } = this.#around;
    truncateSync(log, Math.floor(chance.is(0.5) ? this.#safe : chance.between(this.#safe, size)));
    count("commits cut off");
  }

  #syncs(file: number, done: (error: NodeJS.ErrnoException | null) => void): void {
    const { size } = fstatSync(file);
    const { world, chance, weather, count } = this.#around;
    const { slowSync, failedSync } = weather();
    const slow = chance.is(slowSync);
    const failed = chance.is(failedSync);
    if (slow) count("slow syncs");
    if (failed) count("failed syncs");
    const ms = slow ? chance.between(100, 8_000) : chance.between(0.2, 3);
    const open = this.#open;
    const entry = world.at(world.time + ms, "store", () => {
      this.#syncing.delete(end);
      if (failed) this.#around.lost();
      if (failed) return done(Object.assign(new Error("simulated: EIO"), { code: "EIO" }));
      if (this.#open === open) this.#safe = size;
      done(null);
    });
    const end = (): void => {
      this.#syncing.delete(end);
      entry.run = undefined;
      world.at(world.time, "store", () => done(null));
    };
    this.#syncing.add(end);
  }
}

function checkpoint(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("pragma wal_checkpoint(truncate)");
  database.close();
}
