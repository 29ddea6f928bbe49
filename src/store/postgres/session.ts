import { WriteConflict, type Value } from "../store.ts";
import type { Parameter } from "./columns.ts";
import type { Connection } from "./connection.ts";
import { remedyOf } from "./errors.ts";
import type { Result } from "./group.ts";
import { areApart, columnsOf, isTrusted, learn, type Statement, type Statements } from "./statement.ts";

type Change = { readonly statement: Statement; readonly parameters: readonly Value[] };
type Batch = { readonly statement: Statement; readonly rows: (readonly Value[])[]; readonly keys: Set<string> };
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
 * that may touch the same rows or with the commit. If one turns out otherwise, the whole transaction is taken back and
 * its work done again in a *careful* session, which asks one statement after the other and so gives every caller the
 * errors of its own statements. So what callers see is the same; only the number of round trips differs.
 */
export class Session {
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #careful: boolean;
  #begun = false;
  #buffer: Change[] = [];
  /** What was put off, by table. */
  readonly #touched = new Map<string, Change[]>();
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
    if (this.#careful || statement.kind !== "read" || this.#meets({ statement, parameters })) this.#flush();
    return this.#awaited(sql, parameters);
  }

  async change(sql: string, parameters: readonly Value[]): Promise<number> {
    const statement = this.#statements.of(sql);
    if (!this.#careful && statement.kind === "write" && isTrusted(statement)) {
      const change: Change = { statement, parameters };
      this.#buffer.push(change);
      this.#touch(change);
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
    this.#touched.clear();
    for (const change of this.#buffer) this.#touch(change);
    if (!level.sent) return;
    this.#unawaited(`rollback to s${this.#levels.length}`);
    this.#unawaited(`release s${this.#levels.length}`);
  }

  #touch(change: Change): void {
    for (const table of change.statement.tables) {
      const changes = this.#touched.get(table);
      if (changes) changes.push(change);
      else this.#touched.set(table, [change]);
    }
  }
  /** Whether the statement may find rows that a change which was put off has left. */
  #meets(read: Change): boolean {
    return read.statement.tables.some((table) => this.#touched.get(table)?.some((change) => !areApart(read, change)));
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
    const { command } = await this.#connection.query("commit");
    if (this.#failed !== undefined || command !== "COMMIT") {
      // PostgreSQL answers a commit of a failed transaction by taking it back.
      this.committing = false;
      throw this.#failed ?? new WriteConflict("the transaction could not be committed");
    }
  }
  async rollback(): Promise<void> {
    if (this.#begun && !this.#connection.lost) await this.#connection.query("rollback");
  }

  #send(sql: string, parameters: readonly Parameter[] = []): Promise<Result> {
    if (!this.#begun) {
      this.#begun = true;
      this.#connection.replan();
      this.#connection.query("begin", [], true).catch((error: unknown) => this.#fail(error));
    }
    return this.#connection.query(sql, parameters, true);
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
  #unawaited(sql: string, parameters: readonly Parameter[] = []): void {
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
      const { many } = statement;
      if (rows.length > 1 && many !== undefined)
        this.#sendChange(statement, many.sql, columnsOf(rows, many.types), rows.length);
      else for (const row of rows) this.#sendChange(statement, statement.sent, row, 1);
    }
  }
  #sendChange(statement: Statement, sql: string, parameters: readonly Parameter[], expected: number): void {
    const done = this.#send(sql, parameters).then(
      ({ count }) => {
        if (statement.certain || count === expected) return;
        this.#statements.distrust(statement.tables[0] ?? "");
        this.#fail(new WriteConflict(`${count} rows instead of ${expected}: ${statement.sql}`));
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

/**
 * Gathers changes of one kind. None moves past a change of another kind to the same table, but inserts past inserts;
 * and no row is changed twice in one statement.
 */
function batchesOf(changes: readonly Change[]): Batch[] {
  const batches: Batch[] = [];
  const open = new Map<string, Batch>();
  for (const { statement, parameters } of changes) {
    const key = statement.certain ? undefined : keyOf(statement, parameters);
    const batch = open.get(statement.sql);
    if (batch && batch.rows.length < BATCH_ROWS && !(key !== undefined && batch.keys.has(key))) {
      batch.rows.push(parameters);
      if (key !== undefined) batch.keys.add(key);
      continue;
    }
    const fresh: Batch = { statement, rows: [parameters], keys: new Set(key === undefined ? [] : [key]) };
    batches.push(fresh);
    for (const [sql, { statement: other }] of open)
      if (!(isInsert(statement) && isInsert(other)) && other.tables.some((table) => statement.tables.includes(table)))
        open.delete(sql);
    if (statement.many !== undefined) open.set(statement.sql, fresh);
  }
  return batches;
}

function isInsert({ certain, many }: Statement): boolean {
  return certain && many !== undefined;
}
/** Tells the rows of a change apart. */
function keyOf({ fixed }: Statement, parameters: readonly Value[]): string {
  let key = "";
  for (const place of fixed.values()) key += `${String(parameters[place])}\n`;
  return key;
}
