/**
 * The format of an export: JSON lines, UTF-8, in one file.
 *
 *   {"stepwell":"export","format":1,"schema":[{"number":1,"name":"001_relay.sql"}, …],"at":"2026-…Z"}
 *   {"table":"work","columns":["id", …]}          then one array a row; bytes are base64
 *   {"end":"work","rows":2,"sha256":"…","sum":"…"}
 *   {"blob":"1b4e28ba-…"}                         then its bytes, base64 in JSON strings
 *   {"end":"1b4e28ba-…","size":300000,"sha256":"…"}
 *   {"end":"export","tables":17,"rows":1234,"blobs":5,"bytes":1500000,"sha256":"…"}
 *
 * A table's `sha256` is of its row lines as they stand, newlines included; its `sum` adds the SHA-256 of each of them
 * modulo 2^256, so that the rows of another store, which may come in another order, can be held against it. A blob's is
 * of its bytes, and the last line's is of all lines before it.
 */
import { createHash, hash } from "node:crypto";
import type { Row, Value } from "../store.ts";
import type { Table } from "./tables.ts";

export const FORMAT = 1;
export type Schema = readonly { readonly number: number; readonly name: string }[];
export type Header = {
  readonly stepwell: "export";
  readonly format: number;
  readonly schema: Schema;
  readonly at: string;
};
export type TableEnd = { readonly end: string; readonly rows: number; readonly sha256: string; readonly sum: string };
export type BlobEnd = { readonly end: string; readonly size: number; readonly sha256: string };
export type Totals = { readonly tables: number; readonly rows: number; readonly blobs: number; readonly bytes: number };
export type FileEnd = Totals & { readonly end: "export"; readonly sha256: string };

/** A file that is no export, was cut off, or was changed. */
export class BadExport extends Error {
  override readonly name = "BadExport";
}

const MODULUS = 1n << 256n;
/** Counts and sums the rows of one table. */
export class RowDigest {
  readonly #hash = createHash("sha256");
  #sum = 0n;
  #rows = 0;
  add(line: string): void {
    this.#hash.update(line).update("\n");
    this.#sum = (this.#sum + BigInt(`0x${hash("sha256", line)}`)) % MODULUS;
    this.#rows++;
  }
  end(table: string): TableEnd {
    return {
      end: table,
      rows: this.#rows,
      sha256: this.#hash.digest("hex"),
      sum: this.#sum.toString(16).padStart(64, "0"),
    };
  }
}

export function lineOfRow(table: Table, row: Row): string {
  return JSON.stringify(
    table.columns.map(({ name }) => {
      const value = row[name] ?? null;
      if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
      return typeof value === "bigint" ? Number(value) : value;
    }),
  );
}
export function rowOfLine(table: Table, line: string): Value[] {
  const values = JSON.parse(line) as (string | number | null)[];
  if (!Array.isArray(values) || values.length !== table.columns.length)
    throw new BadExport(`a row of ${table.name} has not the table's columns`);
  return values.map((value, index) =>
    table.columns[index]?.type === "bytea" && typeof value === "string" ? Buffer.from(value, "base64") : value,
  );
}

const LONGEST_LINE_BYTES = 256 * 1024 * 1024;
/** Splits at newlines, and only there: Unicode has line ends of its own, which JSON leaves in its strings. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pieces.push(chunk.subarray(start, end));
      yield Buffer.concat(pieces).toString("utf8");
      pieces = [];
      bytes = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > LONGEST_LINE_BYTES) throw new BadExport("a line is too long to be one of an export");
  }
  if (bytes > 0) throw new BadExport("the export is cut off in the middle of a line");
}
