import { readdirSync, readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";

export type MigrationFile = { readonly number: number; readonly name: string; readonly sql: string };

/** The row of table `migration` that stands there while an import is under way: no node starts on half an installation. */
export const UNFINISHED_IMPORT = [999_999_999, "an import that is not finished"] as const;

/** Reads `migrations/NNN_room.sql` in the order of their numbers. */
export function migrationFiles(directory: URL = new URL("./migrations/", import.meta.url)): MigrationFile[] {
  return readdirSync(directory)
    .filter((name) => /^\d{3}_.*\.sql$/.test(name))
    .sort()
    .map((name) => ({ number: Number(name.slice(0, 3)), name, sql: readFileSync(new URL(name, directory), "utf8") }));
}

/** Brings the database to this program's schema, one transaction a file; refuses a database that a newer program made. */
export function migrate(database: DatabaseSync, files: readonly MigrationFile[]): void {
  database.exec("create table if not exists migration (number bigint primary key, name text not null)");
  const done = new Set(
    database
      .prepare("select number from migration")
      .all()
      .map((row) => Number(row["number"])),
  );
  const newest = Math.max(0, ...files.map((file) => file.number));
  if (done.has(UNFINISHED_IMPORT[0]))
    throw new Error("an import into this data directory was not finished: remove it, and import again");
  for (const number of done) {
    if (number > newest)
      throw new Error(
        `this data directory has schema ${number}, made by a newer Stepwell; this one knows schema ${newest}: start the newer version`,
      );
  }
  for (const file of files) {
    if (done.has(file.number)) continue;
    database.exec("begin immediate");
    try {
      database.exec(file.sql.replace(/\/\*sqlite:(.*?)\*\//g, "$1"));
      database.prepare("insert into migration (number, name) values (?, ?)").run(file.number, file.name);
      database.exec("commit");
    } catch (error) {
      database.exec("rollback");
      throw new Error(`migration ${file.name} failed: ${(error as Error).message}`, { cause: error });
    }
  }
}
