/** The limit on PostgreSQL: the rows that executions left behind, inserted by batches into tables of the same columns and indexes. */
import type pg from "pg";

type Copy = { readonly insert: string; readonly rows: readonly (readonly unknown[])[] };

/** How many rows each table has. */
export async function counts(client: pg.Client): Promise<ReadonlyMap<string, number>> {
  const tables = await client.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' and tablename not like 'bare\\_%'",
  );
  const found = new Map<string, number>();
  for (const { name } of tables.rows) {
    const { rows } = await client.query<{ count: string }>(`select count(*) as count from "${name}"`);
    found.set(name, Number(rows[0]?.count));
  }
  return found;
}

export class BareInserts {
  readonly #client: pg.Client;
  readonly #copies: readonly Copy[];
  readonly #names: readonly string[];
  readonly count: number;

  private constructor(client: pg.Client, copies: readonly Copy[], names: readonly string[], count: number) {
    this.#client = client;
    this.#copies = copies;
    this.#names = names;
    this.count = count;
  }

  /** Takes the newest rows of every table that `count` executions made longer since `before`. */
  static async of(client: pg.Client, before: ReadonlyMap<string, number>, count: number): Promise<BareInserts> {
    const copies: Copy[] = [];
    const names: string[] = [];
    for (const [name, now] of await counts(client)) {
      const each = Math.round((now - (before.get(name) ?? 0)) / count);
      if (each === 0) continue;
      if (each !== 1) throw new Error(`an execution leaves ${each} rows in ${name}`);
      const columns = await client.query<{ name: string; type: string }>(
        "select column_name as name, data_type as type from information_schema.columns where table_schema = 'public' and table_name = $1 order by ordinal_position",
        [name],
      );
      await client.query(`create table "bare_${name}" (like "${name}" including all)`);
      const { rows } = await client.query<unknown[]>({
        text: `select * from (select *, ctid as place from "${name}" order by ctid desc limit ${count}) as last order by place`,
        rowMode: "array",
      });
      const arrays = columns.rows.map(({ type }, index) => `$${index + 1}::${type}[]`);
      copies.push({
        insert: `insert into "bare_${name}" select * from unnest(${arrays.join(", ")})`,
        rows: rows.map((row) => row.slice(0, columns.rows.length)),
      });
      names.push(name);
    }
    return new BareInserts(client, copies, names, count);
  }

  get tables(): string {
    return this.#names.join(", ");
  }

  /** Inserts the rows of all executions again, those of `batch` executions a transaction. Answers executions a second. */
  async run(batch: number): Promise<number> {
    await this.#client.query(`truncate ${this.#names.map((name) => `"bare_${name}"`).join(", ")}`);
    const started = performance.now();
    for (let done = 0; done < this.count; done += batch) {
      // Sent without waiting in between, as the store sends its own.
      const sent = [this.#client.query("begin")];
      for (const { insert, rows } of this.#copies) {
        const part = rows.slice(done, done + batch);
        const values = (rows[0] ?? []).map((_, column) => part.map((row) => row[column]));
        sent.push(this.#client.query({ name: insert.slice(0, 60), text: insert, values }));
      }
      sent.push(this.#client.query("commit"));
      await Promise.all(sent);
    }
    return this.count / ((performance.now() - started) / 1000);
  }
}

/** The median of `count` durable commits of one row of 1 KiB, one after the other, in milliseconds. */
export async function commitMs(client: pg.Client, count: number): Promise<number> {
  await client.query("create table if not exists bare_commit (id bigserial primary key, body text not null)");
  const body = "x".repeat(1024);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await client.query({ name: "bare_commit", text: "insert into bare_commit (body) values ($1)", values: [body] });
    times.push(performance.now() - started);
  }
  return times.toSorted((a, b) => a - b)[count >> 1] ?? 0;
}
