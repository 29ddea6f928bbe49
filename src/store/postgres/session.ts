import { WriteConflict, type Value } from "../store.ts";
import type { Connection, Result } from "./connection.ts";
import { remedyOf } from "./errors.ts";
import { columnsOf, isTrusted, learn, type Statement, type Statements } from "./statement.ts";

type Change = { readonly statement: Statement; readonly parameters: readonly Value[] };
type Batch = { readonly statement: Statement; readonly rows: (readonly Value[])[] };
/** A savepoint: where its changes begin in the buffer, and whether PostgreSQL knows of it. */
type Level = { start: number; sent: boolean };

let lastVersion = -1e15;

/** Rows in one statement at most. */
const BATCH_ROWS = 256;

/**
 * One transaction of PostgreSQL, which the transactions of several callers share.
 *
 * A *hopeful* session puts changes off whose outcome is as good as certain (an insert inserts, a guarded update of a
 * row just read finds it), answers what they would have answered, and sends them together, before the next statement
 * that touches the same tables or with the commit. If one turns out otherwise, the whole transaction is taken back and
 * its work done again in a *careful* session, which asks one statement after the other and so gives every caller the
 * errors of its own statements. So what callers see is the same; only the number of round trips differs.
 */
export class Session {
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #careful: boolean;
  #begun = false;
  #buffer: Change[] = [];
  #touched = new Set<string>();
  readonly #levels: Level[] = [];
  readonly #checks: Promise<void>[] = [];
  #failed: unknown;
  #obstacle: unknown;
  /** Scopes whose rows this transaction has changed, and the version that they have for it alone: nobody else may find what it caches. */
  readonly bumped = new Set<string>();
  readonly version = --lastVersion;
  /** Savepoints that PostgreSQL was told of; beyond 64 in a transaction they slow down everybody's snapshots. */
  savepoints = 0;
  /** Set once the commit was sent: from then on nobody can say that nothing happened. */
  committing = false;

  constructor(connection: Connection, statements: Statements, careful: boolean) {
    this.#connection = connection;
    this.#statements = statements;
    this.#careful = careful;
  }

  /** What was wrong first. The whole transaction has failed then, unless the session is careful. */
  get failed(): unknown {
    return this.#failed;
  }
  /** A careful session's: that another transaction was in the way of the work since the last call of this. */
  takeObstacle(): unknown {
    const obstacle = this.#obstacle;
    this.#obstacle = undefined;
    return obstacle;
  }

  async ask(sql: string, parameters: readonly Value[]): Promise<Result> {
    const statement = this.#statements.of(sql);
    if (this.#careful || statement.kind !== "read" || statement.tables.some((table) => this.#touched.has(table)))
      this.#flush();
    return this.#awaited(sql, parameters);
  }

  async change(sql: string, parameters: readonly Value[]): Promise<number> {
    const statement = this.#statements.of(sql);
    if (!this.#careful && statement.kind === "write" && isTrusted(statement)) {
      this.#buffer.push({ statement, parameters });
      for (const table of statement.tables) this.#touched.add(table);
      return 1;
    }
    this.#flush();
    const { count } = await this.#awaited(sql, parameters);
    if (statement.kind === "write") learn(statement, count);
    return count;
  }

  enter(): void {
    this.#levels.push({ start: this.#buffer.length, sent: false });
  }
  leave(): void {
    const level = this.#levels.pop();
    if (level?.sent) this.#unawaited(`release s${this.#levels.length}`);
  }
  takeBack(): void {
    const level = this.#levels.pop();
    if (!level) return;
    this.#buffer.length = level.start;
    this.#touched = new Set(this.#buffer.flatMap(({ statement }) => statement.tables));
    if (!level.sent) return;
    this.#unawaited(`rollback to s${this.#levels.length}`);
    this.#unawaited(`release s${this.#levels.length}`);
  }

  /** Commits, and counts up the given slots of versions. Throws if nothing of it was committed, or nobody can say. */
  async commit(slots: ReadonlySet<number>): Promise<void> {
    this.#flush();
    // In one order on every node, so that two commits do not wait for each other in a ring.
    for (const slot of [...slots].sort((a, b) => a - b))
      this.#unawaited("update store_version set version = version + 1 where slot = $1", [slot]);
    if (!this.#begun) return;
    if (this.#checks.length > 0) await Promise.all(this.#checks);
    if (this.#failed !== undefined) throw this.#failed;
    this.committing = true;
    const { command } = await this.#send("commit");
    if (this.#failed !== undefined || command !== "COMMIT") {
      // PostgreSQL answers a commit of a failed transaction by taking it back.
      this.committing = false;
      throw this.#failed ?? new WriteConflict("the transaction could not be committed");
    }
  }
  async rollback(): Promise<void> {
    if (this.#begun && !this.#connection.lost) await this.#send("rollback");
  }

  #send(sql: string, parameters: Parameters<Connection["query"]>[1] = []): Promise<Result> {
    if (!this.#begun) {
      this.#begun = true;
      this.#connection.replan();
      this.#connection.query("begin").catch((error: unknown) => this.#fail(error));
    }
    return this.#connection.query(sql, parameters);
  }
  async #awaited(sql: string, parameters: readonly Value[]): Promise<Result> {
    try {
      return await this.#send(sql, parameters);
    } catch (error) {
      if (!this.#careful || this.#connection.lost) this.#fail(error);
      else if (remedyOf(error) === "again") this.#obstacle ??= error;
      throw error;
    }
  }
  #unawaited(sql: string, parameters: Parameters<Connection["query"]>[1] = []): void {
    this.#send(sql, parameters).catch((error: unknown) => this.#fail(error));
  }
  #fail(error: unknown): void {
    this.#failed ??= error;
  }

  /** Sends what was put off, and the savepoints that it lies in. */
  #flush(): void {
    let from = 0;
    for (const [depth, level] of this.#levels.entries()) {
      if (level.sent) continue;
      this.#sendChanges(this.#buffer.slice(from, level.start));
      from = level.start;
      this.#unawaited(`savepoint s${depth}`);
      this.savepoints++;
      level.sent = true;
      level.start = 0;
    }
    this.#sendChanges(from === 0 ? this.#buffer : this.#buffer.slice(from));
    if (this.#buffer.length > 0) {
      this.#buffer = [];
      this.#touched.clear();
    }
  }

  #sendChanges(changes: readonly Change[]): void {
    for (const { statement, rows } of batchesOf(changes)) {
      const [only] = rows;
      if (rows.length === 1 || statement.many === undefined)
        for (const row of rows) this.#sendChange(statement, statement.sent, row);
      else if (only) this.#sendChange(statement, statement.many, columnsOf(rows));
    }
  }
  #sendChange(statement: Statement, sql: string, parameters: Parameters<Connection["query"]>[1]): void {
    const done = this.#send(sql, parameters).then(
      ({ count }) => {
        if (statement.certain || count === 1) return;
        this.#statements.distrust(statement.tables[0] ?? "");
        this.#fail(new WriteConflict(`${count} rows instead of one: ${statement.sql}`));
      },
      (error: unknown) => {
        if ((error as { code?: string }).code === "23505") this.#statements.distrust(statement.tables[0] ?? "");
        this.#fail(error);
      },
    );
    // What can only fail loudly is told by the commit itself.
    if (!statement.certain) this.#checks.push(done);
  }
}

/** Gathers inserts of one kind. Only inserts move forward, and never past a change of another kind to the same table. */
function batchesOf(changes: readonly Change[]): Batch[] {
  const batches: Batch[] = [];
  const open = new Map<string, Batch>();
  for (const { statement, parameters } of changes) {
    const batch = open.get(statement.sql);
    if (batch && batch.rows.length < BATCH_ROWS) {
      batch.rows.push(parameters);
      continue;
    }
    const fresh: Batch = { statement, rows: [parameters] };
    batches.push(fresh);
    if (statement.many !== undefined) open.set(statement.sql, fresh);
    else
      for (const [sql, other] of open)
        if (other.statement.tables.some((table) => statement.tables.includes(table))) open.delete(sql);
  }
  return batches;
}
