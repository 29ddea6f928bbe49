import type { Reader } from "../store/store.ts";
import { objectEntries, type ObjectEntry } from "./rows.ts";

export type ScanRequest = {
  readonly bucket: string;
  readonly prefix: Buffer;
  readonly delimiter: Buffer;
  /** The first key that may be answered, inclusive. */
  readonly from: Buffer;
  readonly limit: number;
};
export type Page = {
  readonly entries: readonly ObjectEntry[];
  readonly prefixes: readonly Buffer[];
  /** What came last in byte order, an entry's key or a common prefix. */
  readonly last: Buffer | undefined;
  /** Where the next page begins; absent on the last one. */
  readonly next: Buffer | undefined;
};

/** No UTF-8 text contains this byte: greater than every key. */
const END = Buffer.from([0xff]);
const LARGEST_BATCH = 1001;

/**
 * One page of a bucket in byte order. Keys below a common prefix are skipped by a seek, not read, so that a page costs
 * as much as it answers however many objects there are.
 */
export async function scan(reader: Reader, request: ScanRequest): Promise<Page> {
  const { bucket, prefix, delimiter, limit } = request;
  const entries: ObjectEntry[] = [];
  const prefixes: Buffer[] = [];
  const until = prefix.length === 0 ? END : after(prefix);
  let from = Buffer.compare(request.from, prefix) < 0 ? prefix : request.from;
  let last: Buffer | undefined;
  if (limit === 0) return { entries, prefixes, last, next: undefined };
  // Behind a delimiter a batch may hold nothing but one prefix: begin small, grow while batches are used up.
  let batch = delimiter.length === 0 ? limit + 1 : Math.min(limit + 1, 16);
  while (Buffer.compare(from, until) < 0) {
    const rows = await objectEntries(reader, bucket, from, until, Math.min(batch, LARGEST_BATCH));
    let used = 0;
    for (const row of rows) {
      const key = bufferOf(row.key);
      if (Buffer.compare(key, from) < 0) continue;
      if (entries.length + prefixes.length >= limit) return { entries, prefixes, last, next: from };
      const common = commonPrefix(key, prefix, delimiter);
      if (common) prefixes.push(common);
      else entries.push(row);
      last = common ?? key;
      from = common ? after(common) : successor(key);
      used++;
    }
    if (rows.length < Math.min(batch, LARGEST_BATCH)) break;
    batch = used * 2 > rows.length ? batch * 4 : Math.max(4, Math.ceil(batch / 2));
  }
  return { entries, prefixes, last, next: undefined };
}

/** The least byte string that is greater than all that begin with these bytes. */
export function after(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  const end = copy.length - 1;
  copy[end] = (copy[end] ?? 0) + 1;
  return copy;
}
/** The least byte string greater than this one. */
export function successor(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.of(0)]);
}
export function commonPrefix(key: Buffer, prefix: Buffer, delimiter: Buffer): Buffer | undefined {
  if (delimiter.length === 0) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.subarray(0, at + delimiter.length);
}
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
