/** What the embedded store costs by itself: rows of as many bytes, committed in groups, on bare node:sqlite. */
import { DatabaseSync } from "node:sqlite";

export class BareRows {
  readonly #database: DatabaseSync;
  readonly #body: string;
  readonly #count: number;
  readonly #atOnce: number;
  #next = 0;
  /** @param bytes of a row, its key of 36 included */
  constructor(path: string, bytes: number, count: number, atOnce: number) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(
      "pragma journal_mode=wal; pragma synchronous=full; pragma wal_autocheckpoint=4000; create table row (id text primary key, body text) without rowid",
    );
    this.#body = "x".repeat(Math.max(0, bytes - 36));
    this.#count = count;
    this.#atOnce = atOnce;
  }
  /** Inserts `count` rows, `atOnce` a commit; answers how many a second. */
  run(): number {
    const insert = this.#database.prepare("insert into row values (?, ?)");
    const started = performance.now();
    for (let done = 0; done < this.#count; done += this.#atOnce) {
      this.#database.exec("begin");
      for (let i = 0; i < this.#atOnce; i++) insert.run(`${String(this.#next++).padStart(36, "0")}`, this.#body);
      this.#database.exec("commit");
    }
    return this.#count / ((performance.now() - started) / 1000);
  }
  close(): void {
    this.#database.close();
  }
}

/** The bytes of all values in all tables. */
export function bytesInTables(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const tables = database
    .prepare("select name from sqlite_master where type = 'table'")
    .all()
    .map((row) => String(row["name"]));
  let bytes = 0;
  for (const table of tables) {
    const columns = database
      .prepare(`select name from pragma_table_info('${table}')`)
      .all()
      .map((row) => `coalesce(length(cast("${String(row["name"])}" as blob)), 0)`);
    bytes += Number(
      database.prepare(`select coalesce(sum(${columns.join("+")}), 0) as bytes from "${table}"`).get()?.["bytes"] ?? 0,
    );
  }
  database.close();
  return bytes;
}
