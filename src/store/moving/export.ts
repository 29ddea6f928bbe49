import { createHash } from "node:crypto";
import type { Blobs } from "../blobs.ts";
import type { MigrationFile } from "../migrate.ts";
import type { Row, Store, Value } from "../store.ts";
import {
  FORMAT,
  lineOfRow,
  RowDigest,
  type BlobEnd,
  type FileEnd,
  type Header,
  type TableEnd,
  type Totals,
} from "./lines.ts";
import { tablesOf, type Table } from "./tables.ts";

/** Rows read at a time: some may have half a megabyte. */
const PAGE_ROWS = 100;
/** Bytes of a blob in one line; a multiple of three, so that base64 needs no padding between lines. */
const LINE_BYTES = 768 * 1024;
/** The table that names every blob. */
const BLOBS = "s3_blob";

export type Source = { readonly store: Store; readonly blobs: Blobs; readonly migrations: readonly MigrationFile[] };

/**
 * All rows and blobs of an installation as lines (see lines.ts), in bounded memory. No node may work on it meanwhile:
 * throws if the number of rows changed.
 */
export async function* exportLines(source: Source, at: Date, done?: (totals: Totals) => void): AsyncGenerator<string> {
  const whole = createHash("sha256");
  const sealed = (text: string): string => {
    whole.update(text);
    return text;
  };
  const schema = source.migrations.map(({ number, name }) => ({ number, name }));
  yield sealed(line({ stepwell: "export", format: FORMAT, schema, at: at.toISOString() } satisfies Header));
  const tables = tablesOf(source.migrations);
  const ends: TableEnd[] = [];
  let blobs = 0;
  let bytes = 0;
  for (const table of tables) {
    yield sealed(line({ table: table.name, columns: table.columns.map(({ name }) => name) }));
    const digest = new RowDigest();
    for await (const page of pagesOf(source.store, table)) {
      let text = "";
      for (const row of page) {
        const rowLine = lineOfRow(table, row);
        digest.add(rowLine);
        text += `${rowLine}\n`;
      }
      yield sealed(text);
    }
    const end = digest.end(table.name);
    ends.push(end);
    yield sealed(line(end));
  }
  const named = tables.find(({ name }) => name === BLOBS);
  if (named)
    for await (const page of pagesOf(source.store, named))
      for (const { id } of page) {
        for await (const text of blobLines(source.blobs, String(id), (size) => (bytes += size))) yield sealed(text);
        blobs++;
      }
  await checkStill(source.store, ends);
  const totals = { tables: tables.length, rows: ends.reduce((sum, end) => sum + end.rows, 0), blobs, bytes };
  yield line({ end: "export", ...totals, sha256: whole.digest("hex") } satisfies FileEnd);
  done?.(totals);
}

/** Every row of a table, by its unique key: one index range a page. */
export async function* pagesOf(store: Store, { name, columns, key }: Table): AsyncGenerator<Row[]> {
  const order = key.join(", ");
  const places = (first: number): string => key.map((_, index) => `$${first + index}`).join(", ");
  const select = `select ${columns.map((column) => column.name).join(", ")} from ${name}`;
  let after: Value[] | undefined;
  for (;;) {
    const from = after;
    const page = await store.read((reader) =>
      from
        ? reader.all(`${select} where (${order}) > (${places(2)}) order by ${order} limit $1`, [PAGE_ROWS, ...from])
        : reader.all(`${select} order by ${order} limit $1`, [PAGE_ROWS]),
    );
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (!last || page.length < PAGE_ROWS) return;
    after = key.map((column) => last[column] ?? null);
  }
}

async function* blobLines(blobs: Blobs, id: string, count: (bytes: number) => void): AsyncGenerator<string> {
  yield line({ blob: id });
  const digest = createHash("sha256");
  let size = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of blobs.read(id, 0, Number.POSITIVE_INFINITY)) {
    digest.update(chunk as Uint8Array);
    size += (chunk as Uint8Array).length;
    rest = Buffer.concat([rest, chunk as Uint8Array]);
    for (; rest.length >= LINE_BYTES; rest = rest.subarray(LINE_BYTES))
      yield line(rest.subarray(0, LINE_BYTES).toString("base64"));
  }
  if (rest.length > 0) yield line(rest.toString("base64"));
  count(size);
  yield line({ end: id, size, sha256: digest.digest("hex") } satisfies BlobEnd);
}

async function checkStill(store: Store, ends: readonly TableEnd[]): Promise<void> {
  for (const { end: table, rows } of ends) {
    const now = await store.read((reader) => reader.get<{ rows: number }>(`select count(*) as rows from ${table}`));
    if (Number(now?.rows) !== rows)
      throw new Error(`the rows of ${table} changed during the export: stop every node first, then export again`);
  }
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
