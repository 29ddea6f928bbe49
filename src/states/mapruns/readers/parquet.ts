/** Parquet files, read by ranges: a group of rows at a time is in memory. */
import type { RawItem } from "../../asl/dataset.ts";
import { ItemReaderFailed } from "./failed.ts";
import type { S3Calls } from "./s3.ts";

/** Rows decoded at a time. */
const ROWS = 1000;

export async function* parquetItems(
  s3: S3Calls,
  object: Readonly<Record<string, unknown>>,
): AsyncGenerator<RawItem, undefined> {
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  const byteLength = await s3.size(object);
  const file = {
    byteLength,
    slice: async (start: number, end?: number): Promise<ArrayBuffer> => {
      const from = start < 0 ? byteLength + start : start;
      const bytes = await s3.bytes(object, from, end ?? byteLength);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    },
  };
  try {
    const metadata = await parquetMetadataAsync(file);
    const total = Number(metadata.num_rows);
    for (let rowStart = 0; rowStart < total; rowStart += ROWS) {
      const rowEnd = Math.min(rowStart + ROWS, total);
      const rows = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors });
      for (const row of rows) yield { value: plain(row) };
    }
  } catch (error) {
    if (!(error instanceof Error) || !/parquet|magic|thrift/i.test(error.message)) throw error;
    throw new ItemReaderFailed(error.message);
  }
}

/** Parquet's values as JSON has them: long integers stay exact, times are ISO texts, bytes are base64. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint")
    return Number.isSafeInteger(Number(value)) ? Number(value) : JSON.rawJSON(String(value));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return value === undefined ? null : value;
}
