import type { MigrationFile } from "../migrate.ts";
import type { Connection } from "./connection.ts";
import { SLOTS } from "./versions.ts";

/** What the store itself keeps: which migrations are done, and the versions of what is cached. */
const OWN = [
  "create table if not exists migration (number bigint primary key, name text not null)",
  "create table if not exists store_version (slot bigint primary key, version bigint not null)",
  `insert into store_version (slot, version) select n, 0 from generate_series(0, ${SLOTS - 1}) as g(n) on conflict (slot) do nothing`,
];
// unique_violation in the catalogue, duplicate_table, and duplicate_object (the table's row type): another node is making
// the same table in this moment.
const MADE_MEANWHILE = new Set(["23505", "42P07", "42710"]);

/**
 * Brings the database to this program's schema, one transaction a file. Whichever node comes first inserts the file's
 * number; the others wait at that row until its transaction ends. Refuses a database that another version made.
 */
export async function migrate(connection: Connection, files: readonly MigrationFile[]): Promise<void> {
  for (const sql of OWN) await unlessMadeMeanwhile(connection, sql);
  const collated = await hasByteOrder(connection);
  for (const file of files) {
    await connection.query("begin");
    try {
      const sql = "insert into migration (number, name) values ($1, $2) on conflict (number) do nothing";
      const { count } = await connection.query(sql, [file.number, file.name]);
      if (count === 1)
        for (const statement of statementsOf(translated(file.sql, collated))) await connection.query(statement);
      await connection.query("commit");
    } catch (error) {
      await connection.query("rollback");
      throw new Error(`migration ${file.name} failed: ${(error as Error).message}`, { cause: error });
    }
  }
  await refuseOthers(connection, files);
}

async function unlessMadeMeanwhile(connection: Connection, sql: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await connection.query(sql);
      return;
    } catch (error) {
      if (tries === 5 || !MADE_MEANWHILE.has((error as { code?: string }).code ?? "")) throw error;
    }
  }
}

async function refuseOthers(connection: Connection, files: readonly MigrationFile[]): Promise<void> {
  const known = new Map(files.map(({ number, name }) => [number, name]));
  const { rows } = await connection.query("select number, name from migration order by number");
  for (const row of rows) {
    const number = Number(row["number"]);
    if (known.get(number) !== row["name"])
      throw new Error(
        `this database has schema ${number} (${String(row["name"])}), made by another version of Stepwell; this one knows schema ${Math.max(0, ...known.keys())}: start the version that made it, or a newer one`,
      );
  }
}

/** Whether texts are compared byte by byte, as SQLite does, without being told to. */
async function hasByteOrder(connection: Connection): Promise<boolean> {
  const { rows } = await connection.query(
    "select datcollate as collation from pg_database where datname = current_database()",
  );
  return /^(C|POSIX)(\.|$)/.test(String(rows[0]?.["collation"]));
}

function translated(sql: string, byteOrder: boolean): string {
  const portable = sql.replace(/\/\*sqlite:.*?\*\//g, "");
  return byteOrder ? portable : portable.replace(/^( {2}\w+ text)\b/gm, '$1 collate "C"');
}

function statementsOf(sql: string): string[] {
  return sql
    .replace(/^--.*$/gm, "")
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
