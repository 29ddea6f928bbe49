/** Every SQL statement of the room about buckets, one a function. */
import type { Reader, Transaction } from "../store/store.ts";

export type BucketRow = {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  readonly created: number;
};

/** By the primary key. */
export function bucketRow(reader: Reader, name: string): Promise<BucketRow | undefined> {
  return reader.get<BucketRow>("select name, account, region, created from s3_bucket where name = $1", [name]);
}
/** By the primary key; until this transaction ends nobody deletes the bucket, and any number may hold it so. */
export function shareBucketRow(transaction: Transaction, name: string): Promise<BucketRow | undefined> {
  return transaction.get<BucketRow>("select name, account, region, created from s3_bucket where name = $1 for share", [
    name,
  ]);
}
/** By the primary key; waits for all who hold the bucket, and keeps others from holding it. */
export function lockBucketRow(transaction: Transaction, name: string): Promise<BucketRow | undefined> {
  return transaction.get<BucketRow>("select name, account, region, created from s3_bucket where name = $1 for update", [
    name,
  ]);
}
export async function insertBucket(transaction: Transaction, row: BucketRow): Promise<void> {
  await transaction.run("insert into s3_bucket (name, account, region, created) values ($1, $2, $3, $4)", [
    row.name,
    row.account,
    row.region,
    row.created,
  ]);
}
/** By the primary key. */
export async function deleteBucketRow(transaction: Transaction, name: string): Promise<void> {
  await transaction.run("delete from s3_bucket where name = $1", [name]);
}
/** An account's buckets from a name on; a range of the index s3_bucket_account. */
export function bucketsOf(reader: Reader, account: string, from: string, limit: number): Promise<BucketRow[]> {
  return reader.all<BucketRow>(
    "select name, account, region, created from s3_bucket where account = $1 and name >= $2 order by name limit $3",
    [account, from, limit],
  );
}

/** A range of the primary key; a bucket has at most one row for each kind of sub-resource. */
export function settingsOf(reader: Reader, bucket: string): Promise<{ name: string; value: string }[]> {
  return reader.all("select name, value from s3_setting where bucket = $1 order by name limit 100", [bucket]);
}
/** By the primary key. */
export async function putSetting(transaction: Transaction, bucket: string, name: string, value: string): Promise<void> {
  await transaction.run(
    "insert into s3_setting (bucket, name, value) values ($1, $2, $3) on conflict (bucket, name) do update set value = excluded.value",
    [bucket, name, value],
  );
}
/** By the primary key. */
export async function deleteSetting(transaction: Transaction, bucket: string, name: string): Promise<void> {
  await transaction.run("delete from s3_setting where bucket = $1 and name = $2", [bucket, name]);
}
/** A range of the primary key. */
export async function deleteSettings(transaction: Transaction, bucket: string): Promise<void> {
  await transaction.run("delete from s3_setting where bucket = $1", [bucket]);
}
