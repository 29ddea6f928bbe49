import { createHash, type Hash } from "node:crypto";
import type { MigrationFile } from "../migrate.ts";
import { BadExport, FORMAT, RowDigest, type BlobEnd, type FileEnd, type Header, type TableEnd } from "./lines.ts";
import { tablesOf, type Table } from "./tables.ts";

/** What an export says, in the order it says it; every checksum has been verified when its `end` comes. */
export type Part =
  | { readonly kind: "row"; readonly table: Table; readonly line: string }
  | { readonly kind: "table"; readonly table: Table; readonly end: TableEnd }
  | { readonly kind: "blob"; readonly id: string }
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "blob end"; readonly end: BlobEnd }
  | { readonly kind: "end"; readonly end: FileEnd };

/** Reads an export and verifies everything that it says of itself. Throws BadExport. */
export async function* partsOf(
  lines: AsyncIterable<string>,
  migrations: readonly MigrationFile[],
): AsyncGenerator<Part> {
  const tables = new Map(tablesOf(migrations).map((table) => [table.name, table]));
  const whole = createHash("sha256");
  let table: { readonly table: Table; readonly digest: RowDigest } | undefined;
  let blob: { readonly id: string; readonly digest: Hash; size: number } | undefined;
  let first = true;
  let finished = false;
  for await (const line of lines) {
    if (finished) throw new BadExport("there is more after the end of the export");
    if (first) {
      checkHeader(parse(line), migrations);
      first = false;
    } else if (table && line.startsWith("[")) {
      table.digest.add(line);
      yield { kind: "row", table: table.table, line };
    } else if (blob && line.startsWith('"')) {
      const bytes = Buffer.from(parse(line) as string, "base64");
      blob.digest.update(bytes);
      blob.size += bytes.length;
      yield { kind: "bytes", bytes };
    } else {
      const said = parse(line) as { table?: string; columns?: string[]; blob?: string; end?: string };
      if (table) {
        const end = table.digest.end(table.table.name);
        verify(said, end, `table ${end.end}`);
        yield { kind: "table", table: table.table, end };
        table = undefined;
      } else if (blob) {
        const end = { end: blob.id, size: blob.size, sha256: blob.digest.digest("hex") };
        verify(said, end, `blob ${blob.id}`);
        yield { kind: "blob end", end };
        blob = undefined;
      } else if (said.table !== undefined) {
        const known = tables.get(said.table);
        if (!known || known.columns.map(({ name }) => name).join() !== said.columns?.join())
          throw new BadExport(`this Stepwell has no table ${said.table} with these columns`);
        tables.delete(said.table);
        table = { table: known, digest: new RowDigest() };
      } else if (said.blob !== undefined) {
        blob = { id: said.blob, digest: createHash("sha256"), size: 0 };
        yield { kind: "blob", id: said.blob };
      } else {
        const end = said as FileEnd;
        if (end.end !== "export" || end.sha256 !== whole.digest("hex"))
          throw new BadExport("the export does not have the checksum that its last line says");
        if (tables.size > 0) throw new BadExport(`the export lacks the tables ${[...tables.keys()].join(", ")}`);
        finished = true;
        yield { kind: "end", end };
      }
    }
    if (!finished) whole.update(line).update("\n");
  }
  if (!finished) throw new BadExport("the export is cut off");
}

function checkHeader(said: unknown, migrations: readonly MigrationFile[]): void {
  const { stepwell, format, schema } = said as Header;
  if (stepwell !== "export") throw new BadExport("this is no export of Stepwell");
  if (format !== FORMAT) throw new BadExport(`the export has format ${format}, this Stepwell reads format ${FORMAT}`);
  const theirs = schema.map(({ name }) => name).join(", ");
  const ours = migrations.map(({ name }) => name).join(", ");
  if (theirs !== ours)
    throw new BadExport(
      `the export has the schema ${theirs}; this Stepwell has ${ours}: import it with the version that wrote it, and upgrade then`,
    );
}

function verify(said: unknown, found: TableEnd | BlobEnd, what: string): void {
  if (JSON.stringify(said) !== JSON.stringify(found))
    throw new BadExport(
      `${what} is not what its checksum says: expected ${JSON.stringify(said)}, found ${JSON.stringify(found)}`,
    );
}

function parse(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    if (value !== null) return value;
  } catch {
    // Said below.
  }
  throw new BadExport(`not a line of an export: ${line.slice(0, 80)}`);
}
