import { setTimeout as pause } from "node:timers/promises";
import type { MigrationFile } from "./migrate.ts";
import { Connection } from "./postgres/connection.ts";
import { asUnavailable, isClash, remedyOf } from "./postgres/errors.ts";
import { PassedOver, type Result } from "./postgres/group.ts";
import { migrate } from "./postgres/migrate.ts";
import { Place } from "./postgres/pool.ts";
import { Session } from "./postgres/session.ts";
import { Statements } from "./postgres/statement.ts";
import { PostgresReader, PostgresTransaction } from "./postgres/transaction.ts";
import { Versions } from "./postgres/versions.ts";
import { StoreUnavailable, type Reader, type Store, type Transaction, type Value } from "./store.ts";

/** Connections that write, each with a group under way while the others wait for the disk, and connections that read. */
const LANES = 3;
const READERS = 2;
/** A group ends when it has this many transactions, has run this long, or has marked this many savepoints. */
const GROUP_LIMIT = 128;
const GROUP_MS = 15;
const GROUP_SAVEPOINTS = 48;
/** Beyond these the caller is told at once to come again later. */
const QUEUE_LIMIT = 10_000;
const READS_LIMIT = 5_000;
/** Reads of one turn that are asked and answered in one piece. */
const READS_TOGETHER = 16;
/** How long a transaction waits for its turn at most. */
const QUEUE_MS = 5_000;
const SWEEP_MS = 250;
/** How often work is done again that met another transaction, and how often if a unique row was in its way. */
const TRIES = 12;
const UNIQUE_TRIES = 3;
/** Two groups that hold what the other wants do not wait longer than this. */
const LOCK_MS = 100;
/** After such a clash this node writes on one connection only for a while, so that it does not stand in its own way. */
const CALM_MS = 250;
const STATEMENT_MS = 10_000;

type Job = {
  readonly work: (transaction: Transaction) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly since: number;
};
/** A job that was worked on in a session; `settle` tells its caller once the commit is durable. */
type Worked = {
  readonly job: Job;
  readonly transaction: PostgresTransaction;
  readonly obstacle: unknown;
  readonly settle: () => void;
};
const isClear = ({ obstacle }: Worked): boolean => obstacle === undefined;
type Lane = { readonly place: Place; busy: boolean };

/**
 * The store on PostgreSQL, shared by any number of nodes. Transactions that arrive while the lanes are busy share the
 * next commit; see Session for how their statements travel together. Isolation is read committed: rooms lock the rows
 * that they read in order to write, or guard their writes by what they read.
 */
export class PostgresStore implements Store {
  readonly #lanes: readonly Lane[];
  readonly #readers: readonly Place[];
  readonly #statements: Statements;
  readonly #versions: Versions;
  readonly #reader: PostgresReader;
  readonly #queue: Job[] = [];
  readonly #sweep: NodeJS.Timeout;
  readonly commits = { groups: 0, transactions: 0 };
  #scheduled = false;
  #closed = false;
  #calmUntil = 0;

  private constructor(url: string, statements: Statements) {
    const options = { url, statementMs: STATEMENT_MS, lockMs: LOCK_MS };
    this.#lanes = Array.from({ length: LANES }, () => ({ place: new Place(options), busy: false }));
    this.#readers = Array.from({ length: READERS }, () => new Place(options));
    this.#statements = statements;
    this.#versions = new Versions(() => Connection.open(options));
    this.#reader = new PostgresReader((sql, parameters) => this.#ask(sql, parameters), this.#versions);
    this.#sweep = setInterval(() => this.#refuseTheLate(), SWEEP_MS);
    this.#sweep.unref();
  }

  /** Connects, brings the database to this program's schema, and reads the versions. */
  static async open(url: string, migrations: readonly MigrationFile[]): Promise<PostgresStore> {
    // Migrations wait for each other as long as they need.
    const connection = await Connection.open({ url, statementMs: 0, lockMs: 0 });
    let types: Map<string, string>;
    try {
      await migrate(connection, migrations);
      const { rows } = await connection.query(
        "select table_name, column_name, data_type from information_schema.columns where table_schema = current_schema()",
      );
      types = new Map(
        rows.map((row) => [`${String(row["table_name"])}.${String(row["column_name"])}`, String(row["data_type"])]),
      );
    } finally {
      await connection.close();
    }
    const store = new PostgresStore(url, new Statements(types));
    await store.#versions.start();
    return store;
  }

  async read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    return work(this.#reader);
  }

  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(new StoreUnavailable("the store is closed"));
      if (this.#queue.length >= QUEUE_LIMIT) return reject(new StoreUnavailable("too many transactions wait"));
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject, since: performance.now() });
      this.#schedule();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#queue.length > 0 || this.#lanes.some(({ busy }) => busy)) await pause(5);
    clearInterval(this.#sweep);
    await this.#versions.close();
    await Promise.all([
      ...this.#lanes.map(({ place }) => place.close()),
      ...this.#readers.map((place) => place.close()),
    ]);
  }

  async #ask(sql: string, parameters: readonly Value[], again = true): Promise<Result> {
    // Some reads travel together, where it costs little to wait for one another; else by who has the least to do.
    let best = this.#readers.find(
      ({ current }) => current && current.gathered > 0 && current.gathered < READS_TOGETHER,
    );
    if (!best)
      for (const place of this.#readers)
        if (!best || (place.current?.waiting ?? 0) < (best.current?.waiting ?? 0)) best = place;
    if (!best) throw new StoreUnavailable("there is no connection");
    if ((best.current?.waiting ?? 0) > READS_LIMIT) throw new StoreUnavailable("too many reads wait");
    const connection = await best.connection();
    connection.replan();
    try {
      return await connection.query(sql, parameters, again);
    } catch (error) {
      // The connection broke under it, or another's read failed beside it: reading once more harms nobody.
      if (again && (connection.lost || error instanceof PassedOver)) return this.#ask(sql, parameters, false);
      throw asUnavailable(error);
    }
  }

  #schedule(): void {
    if (this.#scheduled || !this.#freeLane()) return;
    this.#scheduled = true;
    // After the poll phase: every request whose bytes are here joins this group.
    setImmediate(() => {
      this.#scheduled = false;
      const lane = this.#freeLane();
      if (!lane || this.#queue.length === 0) return;
      lane.busy = true;
      void this.#runGroup(lane).finally(() => {
        lane.busy = false;
        if (this.#queue.length > 0) this.#schedule();
      });
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #freeLane(): Lane | undefined {
    const free = this.#lanes.find(({ busy }) => !busy);
    const calm = performance.now() < this.#calmUntil && this.#lanes.some(({ busy }) => busy);
    return calm ? undefined : free;
  }

  /** Never throws: every job that it takes is settled. */
  async #runGroup(lane: Lane): Promise<void> {
    let connection: Connection;
    try {
      connection = await lane.place.connection();
    } catch (error) {
      // Whoever came meanwhile has not waited as long, and is not told yet.
      this.#refuse(performance.now() - SWEEP_MS, error);
      return;
    }
    const session = new Session(connection, this.#statements, false);
    const worked: Worked[] = [];
    const started = performance.now();
    while (
      worked.length < GROUP_LIMIT &&
      session.savepoints < GROUP_SAVEPOINTS &&
      session.failed === undefined &&
      performance.now() - started < GROUP_MS
    ) {
      const job = this.#queue.shift();
      if (!job) break;
      worked.push(await this.#work(session, job));
    }
    if (await this.#commit(session, worked.filter(isClear))) {
      for (const { job, obstacle } of worked) if (obstacle !== undefined) await this.#alone(lane, job);
    } else if (isClash(session.failed)) {
      this.#calmUntil = performance.now() + CALM_MS;
      for (const { job } of worked) await this.#alone(lane, job);
    } else
      await this.#carefully(
        lane,
        worked.map(({ job }) => job),
      );
  }

  /** Does the same again, one statement after the other, so that every job meets its own errors only. */
  async #carefully(lane: Lane, jobs: readonly Job[]): Promise<void> {
    const worked: Worked[] = [];
    let session: Session;
    try {
      session = new Session(await lane.place.connection(), this.#statements, true);
    } catch (error) {
      for (const job of jobs) job.reject(asUnavailable(error));
      return;
    }
    for (const job of jobs) worked.push(await this.#work(session, job));
    const committed = await this.#commit(session, worked.filter(isClear));
    for (const one of worked) if (!committed || !isClear(one)) await this.#alone(lane, one.job);
  }

  /** The job has a transaction to itself, again and again until nobody is in its way. */
  async #alone(lane: Lane, job: Job): Promise<void> {
    let obstacle: unknown;
    for (let tries = 1; tries <= TRIES; tries++) {
      try {
        const session = new Session(await lane.place.connection(), this.#statements, true);
        const worked = await this.#work(session, job, tries >= UNIQUE_TRIES);
        if (worked.obstacle === undefined) {
          if (await this.#commit(session, [worked])) return;
        } else await session.rollback();
        obstacle = worked.obstacle ?? session.failed;
        worked.transaction.bumpAgain();
      } catch (error) {
        return job.reject(asUnavailable(error));
      }
      await pause(Math.random() * Math.min(5 * 2 ** tries, 200));
    }
    job.reject(new StoreUnavailable("others keep changing the same rows", { cause: obstacle }));
  }

  /** @param unique whether a row that was there already is the work's own affair: it was looked at often enough */
  async #work(session: Session, job: Job, unique = false): Promise<Worked> {
    const inTheWay = (error: unknown): unknown =>
      remedyOf(error) === "again" && !(unique && (error as { code?: string }).code === "23505") ? error : undefined;
    const transaction = new PostgresTransaction(session, this.#versions);
    let obstacle: unknown;
    try {
      const value = await transaction.savepoint(async () => {
        const result = await job.work(transaction);
        // An obstacle that the work itself got over must still not be passed over: it is done again from the start.
        obstacle = inTheWay(session.takeObstacle());
        if (obstacle !== undefined) throw obstacle;
        return result;
      });
      const settle = (): void => {
        transaction.committed();
        job.resolve(value);
      };
      return { job, transaction, obstacle, settle };
    } catch (error) {
      obstacle ??= inTheWay(session.takeObstacle()) ?? inTheWay(error);
      return { job, transaction, obstacle, settle: () => job.reject(asUnavailable(error)) };
    }
  }

  /** True if every job is settled. False if the transaction was taken back and may be done again. */
  async #commit(session: Session, worked: readonly Worked[]): Promise<boolean> {
    const slots = new Set(worked.flatMap(({ transaction }) => transaction.slots()));
    try {
      if (session.failed !== undefined) throw session.failed;
      await session.commit(slots);
    } catch (error) {
      for (const { transaction } of worked) transaction.bumpAgain();
      if (session.committing) {
        // The answer to the commit did not come: it may have happened. The caller is told to look, and may repeat.
        for (const { job } of worked) job.reject(asUnavailable(error));
        return true;
      }
      await session.rollback().catch(() => undefined);
      return false;
    }
    this.commits.groups++;
    this.commits.transactions += worked.length;
    for (const { transaction, settle } of worked) {
      transaction.bumpAgain();
      settle();
    }
    if (slots.size > 0) this.#versions.announce();
    return true;
  }

  /** Nobody waits longer than QUEUE_MS for a turn, however slow the database is. */
  #refuseTheLate(): void {
    this.#refuse(performance.now() - QUEUE_MS, undefined);
  }
  #refuse(before: number, cause: unknown): void {
    const late = this.#queue.findIndex(({ since }) => since > before);
    const error = cause ?? new StoreUnavailable("PostgreSQL did not get round to it in time");
    for (const job of this.#queue.splice(0, late === -1 ? this.#queue.length : late)) job.reject(asUnavailable(error));
  }
}
