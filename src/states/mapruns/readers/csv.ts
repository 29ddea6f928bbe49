/** CSV files: a row is an object of texts, by the headers. */
import { pipeline, type Readable } from "node:stream";
import type { RawItem } from "../../asl/dataset.ts";
import { put } from "../../asl/json.ts";
import { ItemReaderFailed } from "./failed.ts";

export type CsvOptions = {
  readonly delimiter: string | undefined;
  /** Without them the first row has the headers. */
  readonly headers: readonly string[] | undefined;
};

export async function* csvItems(body: Readable, options: CsvOptions): AsyncGenerator<RawItem, undefined> {
  let columns = options.headers && checkedColumns(options.headers);
  for await (const row of csvRows(body, options.delimiter)) {
    if (columns === undefined) columns = checkedColumns(row);
    else yield { value: itemOf(columns, row) };
  }
}

/** The rows as they stand. */
export async function* csvRows(body: Readable, delimiter = ","): AsyncGenerator<readonly string[], undefined> {
  const { parse } = await import("csv-parse");
  const parser = parse({ delimiter, bom: true, relax_column_count: true, relax_quotes: true, skip_empty_lines: true });
  pipeline(body, parser, () => {
    // What goes wrong is thrown by the loop below.
  });
  try {
    for await (const row of parser) yield row as string[];
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("CSV_"))
      throw new ItemReaderFailed(error.message);
    throw error;
  }
}

/** A column: its header and its place in the row. */
type Column = readonly [header: string, index: number];

/** Missing fields are empty texts, fields beyond the headers are dropped. */
function itemOf(columns: readonly Column[], row: readonly string[]): object {
  const item: Record<string, unknown> = {};
  for (const [header, index] of columns) put(item, header, row[index] ?? "");
  return item;
}

/** AWS prints the fields of a row in the order in which a Java HashMap keeps them. */
function columnsOf(headers: readonly string[]): readonly Column[] {
  let buckets = 16;
  while (headers.length > buckets * 0.75) buckets *= 2;
  const place = (header: string): number => {
    let hash = 0;
    for (let i = 0; i < header.length; i += 1) hash = (Math.imul(hash, 31) + header.charCodeAt(i)) | 0;
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  const placed = headers.map((header, index) => ({ column: [header, index] as const, place: place(header) }));
  return placed.toSorted((left, right) => left.place - right.place).map(({ column }) => column);
}

function checkedColumns(headers: readonly string[]): readonly Column[] {
  if (new Set(headers).size < headers.length) throw new ItemReaderFailed("CSV headers cannot contain duplicates.");
  return columnsOf(headers);
}
