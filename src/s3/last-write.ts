import type { Reader } from "../store/store.ts";
import { bucketRow } from "./bucket-rows.ts";
import { keyBytes } from "./names.ts";
import { lastWriteRow } from "./rows.ts";

/** The call that wrote an object last: where the story of a bucket and key begins. Account and region are the bucket's. */
export async function lastWrite(
  reader: Reader,
  bucket: string,
  key: string,
): Promise<{ trace: string; at: number; account: string; region: string; operation: string } | undefined> {
  const owner = await bucketRow(reader, bucket);
  const row = owner && (await lastWriteRow(reader, bucket, keyBytes(key)));
  if (!owner || !row) return undefined;
  return {
    trace: row.trace,
    at: row.modified,
    account: owner.account,
    region: owner.region,
    operation: row.operation,
  };
}
