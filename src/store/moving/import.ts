import type { Blobs } from "../blobs.ts";
import { renewInstallation } from "../installation.ts";
import type { MigrationFile } from "../migrate.ts";
import { UNFINISHED_IMPORT } from "../migrate.ts";
import { OwnBlobs } from "../own-blobs.ts";
import type { Store, Value } from "../store.ts";
import { partsOf, type Part } from "./check.ts";
import { pagesOf } from "./export.ts";
import { BadExport, lineOfRow, RowDigest, rowOfLine, type FileEnd, type TableEnd } from "./lines.ts";
import { tablesOf, type Table } from "./tables.ts";

/** Rows of one statement, statements of one transaction; fewer when rows are large. */
const STATEMENT_ROWS = 50;
const TRANSACTION_ROWS = 500;
const TRANSACTION_BYTES = 8 * 1024 * 1024;

export type Target = { readonly store: Store; readonly blobs: Blobs; readonly migrations: readonly MigrationFile[] };

/** A store that already has rows. */
export class NotEmpty extends Error {
  override readonly name = "NotEmpty";
}

/** Reads an export to its end and verifies it, without writing anything. Throws BadExport. */
export async function checkExport(
  lines: AsyncIterable<string>,
  migrations: readonly MigrationFile[],
): Promise<FileEnd> {
  let end: FileEnd | undefined;
  for await (const part of partsOf(lines, migrations)) if (part.kind === "end") end = part.end;
  if (!end) throw new BadExport("the export is cut off");
  return end;
}

/**
 * Writes an export into an empty store and its blobs, in bounded memory, reads back what was written and holds it
 * against the checksums. Until all is well the store is marked, and no node starts on it. What comes of it is an
 * installation of its own, with the id `fresh`, so that it and the one it was copied from cannot share their blobs.
 * Throws NotEmpty, BadExport, BlobsMisplaced.
 */
export async function importLines(target: Target, lines: AsyncIterable<string>, fresh: string): Promise<FileEnd> {
  const { store, migrations } = target;
  const blobs = new OwnBlobs(target.blobs, fresh);
  for (const { name } of tablesOf(migrations))
    if (await store.read((reader) => reader.get(`select 1 as found from ${name} limit 1`)))
      throw new NotEmpty(`the target is not empty: table ${name} has rows. Import into a new one.`);
  await blobs.makeSure();
  await store.write((tx) => tx.run("insert into migration (number, name) values ($1, $2)", [...UNFINISHED_IMPORT]));
  const ends: [Table, TableEnd][] = [];
  const end = await writeParts({ ...target, blobs }, partsOf(lines, migrations), ends);
  for (const [table, said] of ends) await checkTable(store, table, said);
  await store.write(async (tx) => {
    await renewInstallation(tx, fresh);
    await tx.run("delete from migration where number = $1", [UNFINISHED_IMPORT[0]]);
  });
  return end;
}

async function writeParts(target: Target, parts: AsyncGenerator<Part>, ends: [Table, TableEnd][]): Promise<FileEnd> {
  let batch: { table: Table; rows: Value[][]; bytes: number } | undefined;
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    const part = next.value;
    if (part.kind === "row") {
      batch ??= { table: part.table, rows: [], bytes: 0 };
      batch.rows.push(rowOfLine(part.table, part.line));
      batch.bytes += part.line.length;
      if (batch.rows.length < TRANSACTION_ROWS && batch.bytes < TRANSACTION_BYTES) continue;
    }
    if (batch) await insert(target.store, batch.table, batch.rows);
    batch = undefined;
    if (part.kind === "table") ends.push([part.table, part.end]);
    // Takes its own parts from the sequence, up to the end of the blob.
    if (part.kind === "blob") await target.blobs.write(bytesOf(parts), part.id);
    if (part.kind === "end") return part.end;
  }
  throw new BadExport("the export is cut off");
}

async function* bytesOf(parts: AsyncGenerator<Part>): AsyncGenerator<Uint8Array> {
  for (let next = await parts.next(); !next.done && next.value.kind === "bytes"; next = await parts.next())
    yield next.value.bytes;
}

async function insert(store: Store, { name, columns }: Table, rows: readonly Value[][]): Promise<void> {
  const into = `insert into ${name} (${columns.map((column) => column.name).join(", ")}) values `;
  const tuple = (row: number): string =>
    `(${columns.map((_, column) => `$${row * columns.length + column + 1}`).join(", ")})`;
  await store.write(async (tx) => {
    let row = 0;
    // Two texts a table, one of many rows and one of a single row, so that few statements have to be prepared.
    for (; row + STATEMENT_ROWS <= rows.length; row += STATEMENT_ROWS)
      await tx.run(
        into + Array.from({ length: STATEMENT_ROWS }, (_, index) => tuple(index)).join(", "),
        rows.slice(row, row + STATEMENT_ROWS).flat(),
      );
    for (; row < rows.length; row++) await tx.run(into + tuple(0), rows[row]);
  });
}

async function checkTable(store: Store, table: Table, said: TableEnd): Promise<void> {
  const digest = new RowDigest();
  for await (const page of pagesOf(store, table)) for (const row of page) digest.add(lineOfRow(table, row));
  const found = digest.end(table.name);
  if (found.rows !== said.rows || found.sum !== said.sum)
    throw new Error(
      `table ${table.name} reads back ${found.rows} rows with sum ${found.sum}, not ${said.rows} with ${said.sum}: the import is not to be used`,
    );
}
