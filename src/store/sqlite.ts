import { closeSync, fdatasync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { migrate, type MigrationFile } from "./migrate.ts";
import { Statements } from "./statements.ts";
import { StoreUnavailable, type Reader, type Row, type Store, type Transaction, type Value } from "./store.ts";

/** A group ends when it has this many transactions, or has run this long: it bounds how long the loop is busy at a stretch. */
const GROUP_LIMIT = 256;
const GROUP_MS = 15;
/**
 * 8 KiB pages: rows of 1 to 4 KiB, which executions and records are, fill them well. Against 4 KiB the database was
 * half as large and executions ran 1.15 times as fast; 16 KiB gave no more.
 */
const PAGE_BYTES = 8192;
/** 32 MiB of log between checkpoints. A worker that checkpoints beside the writer was tried: no gain that stood out of the noise. */
const CHECKPOINT_PAGES = 4000;

type Job = {
  readonly work: (transaction: Transaction) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
};
type Finished = { readonly resolve: () => void; readonly reject: (error: unknown) => void };

/**
 * The embedded store: one SQLite database in WAL mode, one writer, group commit.
 *
 * Transactions that arrive while a commit is under way, its sync included, share the next one: starting the next
 * group before the sync had ended halved the groups at 64 clients and cost a fifth more CPU an execution. SQLite itself runs with
 * `synchronous=normal`: it writes the log without waiting for the disk, and this class syncs the log (fdatasync, on a
 * thread of libuv's pool) before it resolves anything, so the loop reads and checks requests while the disk is busy.
 * Against `synchronous=full` on the loop this measured a tie on a disk that syncs in 0.25 ms; on a slower one the loop stays free.
 * SQLite still syncs the log before each checkpoint, so the database file never gets ahead of it.
 */
export class SqliteStore implements Store {
  readonly #path: string;
  readonly #versions = new Map<string, number>();
  readonly #queue: Job[] = [];
  #writer: DatabaseSync;
  #reader: DatabaseSync;
  #writes: Statements;
  #reads: Statements;
  #log: number;
  #group: Promise<void> | undefined;
  #scheduled = false;
  #closed = false;
  /** Who waits for the store to come to rest. */
  readonly #awaited: (() => void)[] = [];
  #broken: unknown;
  readonly commits = { groups: 0, transactions: 0 };
  /** Groups committed, and groups known to be on the disk. */
  #committed = 0;
  #synced = 0;
  #syncing = false;
  #unsynced: { group: number; finished: Finished }[] = [];

  constructor(path: string, migrations: readonly MigrationFile[]) {
    this.#path = path;
    this.#writer = openDatabase(path);
    migrate(this.#writer, migrations);
    this.#reader = openDatabase(path);
    this.#writes = new Statements(this.#writer);
    this.#reads = new Statements(this.#reader);
    this.#log = openSync(`${path}-wal`, "r+");
    syncFolderOf(path);
  }

  async read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    this.#recover();
    const reader = new SqliteReader(this.#reads, this.#versions);
    const value = await work(reader);
    // What was read may be committed but not on the disk yet; nobody may learn of it before it is.
    if (reader.touched && this.#committed > this.#synced)
      await new Promise<void>((resolve, reject) => {
        this.#unsynced.push({ group: this.#committed, finished: { resolve, reject } });
        // A group whose transactions all threw has left no one else to ask for the sync.
        this.#sync();
      });
    return value;
  }

  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(new StoreUnavailable("the store is closed"));
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#busy()) await new Promise<void>((resolve) => this.#awaited.push(resolve));
    this.#reader.close();
    this.#writer.close();
    closeSync(this.#log);
  }

  #busy(): boolean {
    return this.#syncing || this.#group !== undefined || this.#queue.length > 0 || this.#unsynced.length > 0;
  }
  /** Whoever closes the store goes on when the last group is on the disk. */
  #rest(): void {
    if (!this.#busy()) for (const resolve of this.#awaited.splice(0)) resolve();
  }

  #schedule(): void {
    if (this.#scheduled || this.#group || this.#syncing) return;
    this.#scheduled = true;
    // After the poll phase: every request whose bytes are here joins this group.
    setImmediate(() => {
      this.#scheduled = false;
      this.#group = this.#runGroup().finally(() => {
        this.#group = undefined;
        if (this.#queue.length > 0) this.#schedule();
        this.#rest();
      });
    });
  }

  async #runGroup(): Promise<void> {
    const finished: { finished: Finished; transaction: SqliteTransaction }[] = [];
    try {
      this.#recover();
      this.#writes.run("begin immediate");
      const started = performance.now();
      for (let count = 0; count < GROUP_LIMIT && performance.now() - started < GROUP_MS; count++) {
        const job = this.#queue.shift();
        if (!job) break;
        const transaction = new SqliteTransaction(this.#writes, this.#versions);
        try {
          const value = await transaction.savepoint(() => job.work(transaction));
          finished.push({ transaction, finished: { resolve: () => job.resolve(value), reject: job.reject } });
        } catch (error) {
          job.reject(asUnavailable(error));
          if (!this.#writer.isTransaction) throw error;
        }
      }
      this.#writes.run("commit");
    } catch (error) {
      // A full disk makes SQLite take the whole transaction back by itself.
      if (this.#writer.isTransaction) this.#writes.run("rollback");
      for (const { finished: job, transaction } of finished) {
        transaction.bumpAgain();
        job.reject(asUnavailable(error));
      }
      if (finished.length === 0) this.#queue.shift()?.reject(asUnavailable(error));
      return;
    }
    this.#committed++;
    this.commits.groups++;
    this.commits.transactions += finished.length;
    for (const { finished: job, transaction } of finished) {
      transaction.bumpAgain();
      this.#unsynced.push({
        group: this.#committed,
        finished: { resolve: () => (transaction.committed(), job.resolve()), reject: job.reject },
      });
    }
    this.#sync();
  }

  #sync(): void {
    if (this.#syncing || this.#unsynced.length === 0) return;
    this.#syncing = true;
    const group = this.#committed;
    fdatasync(this.#log, (error) => {
      this.#syncing = false;
      if (error) {
        // After a failed sync the kernel may have dropped the pages: this file handle is not to be trusted again.
        this.#broken = error;
        for (const { finished } of this.#unsynced.splice(0))
          finished.reject(new StoreUnavailable(`the disk refused to sync: ${error.message}`));
      } else {
        this.#synced = group;
        const waiting = this.#unsynced;
        this.#unsynced = waiting.filter((entry) => entry.group > group);
        for (const entry of waiting) if (entry.group <= group) entry.finished.resolve();
        this.#sync();
      }
      // Also after a failure: who came during the sync would wait for the next to come.
      if (this.#queue.length > 0) this.#schedule();
      this.#rest();
    });
  }

  /** After a failed sync: opens the database afresh, which replays the log by its checksums, and brings it to the disk. */
  #recover(): void {
    if (this.#broken === undefined) return;
    try {
      const writer = openDatabase(this.#path);
      writer.exec("pragma synchronous=full; pragma wal_checkpoint(truncate)");
      writer.exec("pragma synchronous=normal");
      const reader = openDatabase(this.#path);
      this.#reader.close();
      this.#writer.close();
      closeSync(this.#log);
      this.#writer = writer;
      this.#reader = reader;
      this.#writes = new Statements(writer);
      this.#reads = new Statements(reader);
      this.#log = openSync(`${this.#path}-wal`, "r+");
      this.#synced = this.#committed;
      for (const [scope, version] of this.#versions) this.#versions.set(scope, version + 1);
      this.#broken = undefined;
    } catch (error) {
      throw asUnavailable(error);
    }
  }
}

/** A new log file is on the disk only when its folder is; SQLite would do this at its own first sync. */
function syncFolderOf(path: string): void {
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: false });
  database.exec(
    `pragma page_size=${PAGE_BYTES}; pragma journal_mode=wal; pragma synchronous=normal; pragma wal_autocheckpoint=${CHECKPOINT_PAGES}; pragma journal_size_limit=67108864; pragma cache_size=-65536; pragma temp_store=memory`,
  );
  return database;
}

/** Full disk, read-only files, I/O errors and broken files are the operator's affair, not the caller's: 503, try again. */
function asUnavailable(error: unknown): unknown {
  const code = (error as { errcode?: number }).errcode;
  const primary = typeof code === "number" ? code & 0xff : -1;
  // SQLITE_FULL 13, IOERR 10, READONLY 8, CANTOPEN 14, NOMEM 7, CORRUPT 11, BUSY 5, LOCKED 6
  if ([5, 6, 7, 8, 10, 11, 13, 14].includes(primary))
    return new StoreUnavailable((error as Error).message, { cause: error });
  return error;
}

class SqliteReader implements Reader {
  readonly statements: Statements;
  /** Whether a statement ran: an answer from caches alone has nothing to wait for. */
  touched = false;
  readonly #versions: Map<string, number>;
  constructor(statements: Statements, versions: Map<string, number>) {
    this.statements = statements;
    this.#versions = versions;
  }
  async get<T = Row>(sql: string, parameters: readonly Value[] = []): Promise<T | undefined> {
    this.touched = true;
    return this.statements.get(sql, parameters) as T | undefined;
  }
  async all<T = Row>(sql: string, parameters: readonly Value[] = []): Promise<T[]> {
    this.touched = true;
    return this.statements.all(sql, parameters) as T[];
  }
  version(scope: string): number {
    return this.#versions.get(scope) ?? 0;
  }
}

const mark = (depth: number): string => `savepoint s${depth}`;
const release = (depth: number): string => `release s${depth}`;
const isQuery = (sql: string): boolean => sql.startsWith("select");

class SqliteTransaction extends SqliteReader implements Transaction {
  readonly scratch = new Map<unknown, unknown>();
  readonly #versions: Map<string, number>;
  readonly #bumped: string[] = [];
  readonly #effects: (() => void)[] = [];
  /** Savepoints entered, and those of them that SQLite knows of. */
  #depth = 0;
  #marked = 0;
  constructor(statements: Statements, versions: Map<string, number>) {
    super(statements, versions);
    this.#versions = versions;
  }
  override async get<T = Row>(sql: string, parameters: readonly Value[] = []): Promise<T | undefined> {
    if (!isQuery(sql)) this.#mark();
    return this.statements.get(sql, parameters) as T | undefined;
  }
  override async all<T = Row>(sql: string, parameters: readonly Value[] = []): Promise<T[]> {
    if (!isQuery(sql)) this.#mark();
    return this.statements.all(sql, parameters) as T[];
  }
  async run(sql: string, parameters: readonly Value[] = []): Promise<number> {
    this.#mark();
    return this.statements.run(sql, parameters);
  }
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const depth = ++this.#depth;
    const lengths = this.#lists().map((list) => [list, list.length] as const);
    try {
      const value = await work();
      if (this.#marked >= depth) {
        this.#mustLast();
        this.statements.run(release(depth));
      }
      return value;
    } catch (error) {
      const before = new Map(lengths);
      for (const list of this.#lists()) list.length = before.get(list) ?? 0;
      this.bumpAgain();
      if (this.#marked >= depth && this.statements.database.isTransaction) {
        this.statements.run(`rollback to s${depth}`);
        this.statements.run(release(depth));
      }
      throw error;
    } finally {
      this.#depth--;
      this.#marked = Math.min(this.#marked, this.#depth);
    }
  }
  /** SQLite is told of a savepoint only when something is written in it: most that ride write nothing. */
  #mark(): void {
    this.#mustLast();
    while (this.#marked < this.#depth) this.statements.run(mark(++this.#marked));
  }
  /**
   * On a full disk SQLite may take the whole transaction back by itself. Whoever catches the error and goes on would
   * write outside of any transaction from then on.
   */
  #mustLast(): void {
    if (!this.statements.database.isTransaction) throw new StoreUnavailable("the transaction was taken back");
  }
  bump(scope: string): void {
    this.#bumped.push(scope);
    this.#versions.set(scope, (this.#versions.get(scope) ?? 0) + 1);
  }
  /** At commit and at rollback, so that nothing cached in between under the new number survives. */
  bumpAgain(): void {
    for (const scope of this.#bumped) this.#versions.set(scope, (this.#versions.get(scope) ?? 0) + 1);
  }
  afterCommit(effect: () => void): void {
    this.#effects.push(effect);
  }
  committed(): void {
    for (const effect of this.#effects) effect();
  }
  /** What a rolled-back savepoint takes back besides rows. */
  #lists(): unknown[][] {
    const lists: unknown[][] = [this.#effects];
    for (const value of this.scratch.values()) if (Array.isArray(value)) lists.push(value);
    return lists;
  }
}
