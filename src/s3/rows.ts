/** Every SQL statement of the room about objects and uploads, one a function. Buckets are in bucket-rows.ts. */
import { WriteConflict, type Reader, type Transaction } from "../store/store.ts";

/** What a listing shows of an object. */
export type ObjectEntry = {
  readonly key: Uint8Array;
  readonly size: number;
  readonly etag: string;
  readonly modified: number;
  readonly storage_class: string;
  readonly checksum: string | null;
};
/** An object without its bytes. */
export type ObjectRow = ObjectEntry & {
  readonly version: string;
  readonly sequence: number;
  readonly headers: string | null;
  readonly tags: string | null;
  readonly parts: string | null;
};
export type ObjectWithBytes = ObjectRow & { readonly bytes: Uint8Array | null };
export type NewObject = ObjectWithBytes & {
  readonly bucket: string;
  readonly trace: string;
  readonly operation: string;
};

const COLUMNS = "key, version, sequence, size, etag, modified, storage_class, checksum, headers, tags, parts";

/** By the primary key. */
export function objectRow(reader: Reader, bucket: string, key: Uint8Array): Promise<ObjectRow | undefined> {
  return reader.get<ObjectRow>(`select ${COLUMNS} from s3_object where bucket = $1 and key = $2`, [bucket, key]);
}
/** By the primary key; nobody else changes or deletes the row before this transaction ends. */
export function lockObjectRow(
  transaction: Transaction,
  bucket: string,
  key: Uint8Array,
): Promise<ObjectRow | undefined> {
  return transaction.get<ObjectRow>(`select ${COLUMNS} from s3_object where bucket = $1 and key = $2 for update`, [
    bucket,
    key,
  ]);
}
/** By the primary key. */
export function objectWithBytes(reader: Reader, bucket: string, key: Uint8Array): Promise<ObjectWithBytes | undefined> {
  return reader.get<ObjectWithBytes>(`select ${COLUMNS}, bytes from s3_object where bucket = $1 and key = $2`, [
    bucket,
    key,
  ]);
}
/** By the primary key: who wrote the object last. */
export function lastWriteRow(
  reader: Reader,
  bucket: string,
  key: Uint8Array,
): Promise<{ trace: string; operation: string; modified: number } | undefined> {
  return reader.get("select trace, operation, modified from s3_object where bucket = $1 and key = $2", [bucket, key]);
}
/** By the primary key: the tags of an object, for permissions that depend on them. */
export async function objectTags(reader: Reader, bucket: string, key: Uint8Array): Promise<string | null> {
  const row = await reader.get<{ tags: string | null }>("select tags from s3_object where bucket = $1 and key = $2", [
    bucket,
    key,
  ]);
  return row?.tags ?? null;
}
/** Writes a key in the place of what was read, if anything; by the primary key. Throws WriteConflict if another writer came between. */
export async function putObjectRow(
  transaction: Transaction,
  row: NewObject,
  replaced: ObjectRow | undefined,
): Promise<void> {
  const written = await transaction.run(
    "insert into s3_object (bucket, key, version, sequence, size, etag, modified, storage_class, checksum, headers, tags, trace, operation, parts, bytes) " +
      "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict (bucket, key) do update set " +
      "version = excluded.version, sequence = excluded.sequence, size = excluded.size, etag = excluded.etag, modified = excluded.modified, " +
      "storage_class = excluded.storage_class, checksum = excluded.checksum, headers = excluded.headers, tags = excluded.tags, " +
      "trace = excluded.trace, operation = excluded.operation, parts = excluded.parts, bytes = excluded.bytes " +
      "where s3_object.sequence = $16",
    [
      row.bucket,
      row.key,
      row.version,
      row.sequence,
      row.size,
      row.etag,
      row.modified,
      row.storage_class,
      row.checksum,
      row.headers,
      row.tags,
      row.trace,
      row.operation,
      row.parts,
      row.bytes,
      replaced?.sequence ?? -1,
    ],
  );
  if (written !== 1) throw new WriteConflict("the object was written meanwhile");
}
/** By the primary key. */
export async function setObjectTags(
  transaction: Transaction,
  bucket: string,
  key: Uint8Array,
  tags: string | null,
): Promise<void> {
  await transaction.run("update s3_object set tags = $3 where bucket = $1 and key = $2", [bucket, key, tags]);
}
/** By the primary key. */
export async function deleteObjectRow(transaction: Transaction, bucket: string, key: Uint8Array): Promise<void> {
  await transaction.run("delete from s3_object where bucket = $1 and key = $2", [bucket, key]);
}
/** Objects with from <= key < until in byte order; a range of the primary key. */
export function objectEntries(
  reader: Reader,
  bucket: string,
  from: Uint8Array,
  until: Uint8Array,
  limit: number,
): Promise<ObjectEntry[]> {
  return reader.all<ObjectEntry>(
    "select key, size, etag, modified, storage_class, checksum from s3_object where bucket = $1 and key >= $2 and key < $3 order by bucket, key limit $4",
    [bucket, from, until, limit],
  );
}
/** The first entry of the primary key's range. */
export async function hasObjects(reader: Reader, bucket: string): Promise<boolean> {
  return (await reader.get("select key from s3_object where bucket = $1 limit 1", [bucket])) !== undefined;
}

/** By the primary key. */
export async function nameBlob(transaction: Transaction, id: string): Promise<void> {
  await transaction.run("insert into s3_blob (id) values ($1)", [id]);
}
/** By the primary key. */
export async function forgetBlob(transaction: Transaction, id: string): Promise<void> {
  await transaction.run("delete from s3_blob where id = $1", [id]);
}
/** By the primary key. */
export async function isBlobNamed(reader: Reader, id: string): Promise<boolean> {
  return (await reader.get("select id from s3_blob where id = $1", [id])) !== undefined;
}

export type UploadRow = {
  readonly id: string;
  readonly bucket: string;
  readonly key: Uint8Array;
  readonly started: number;
  readonly initiator: string;
  readonly storage_class: string;
  readonly algorithm: string | null;
  readonly checksum_type: string | null;
  readonly headers: string | null;
  readonly tags: string | null;
  readonly completed: string | null;
};
const UPLOAD = "id, bucket, key, started, initiator, storage_class, algorithm, checksum_type, headers, tags, completed";

export async function insertUpload(transaction: Transaction, row: UploadRow): Promise<void> {
  await transaction.run(`insert into s3_upload (${UPLOAD}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, [
    row.id,
    row.bucket,
    row.key,
    row.started,
    row.initiator,
    row.storage_class,
    row.algorithm,
    row.checksum_type,
    row.headers,
    row.tags,
    row.completed,
  ]);
}
/** By the primary key; everything else that changes the upload waits until this transaction ends. */
export function lockUploadRow(transaction: Transaction, id: string): Promise<UploadRow | undefined> {
  return transaction.get<UploadRow>(`select ${UPLOAD} from s3_upload where id = $1 for update`, [id]);
}
/** By the primary key. */
export function uploadRow(reader: Reader, id: string): Promise<UploadRow | undefined> {
  return reader.get<UploadRow>(`select ${UPLOAD} from s3_upload where id = $1`, [id]);
}
/** By the primary key. */
export async function completeUpload(transaction: Transaction, id: string, answer: string): Promise<void> {
  await transaction.run("update s3_upload set completed = $2 where id = $1", [id, answer]);
}
/** By the primary key. */
export async function deleteUpload(transaction: Transaction, id: string): Promise<void> {
  await transaction.run("delete from s3_upload where id = $1", [id]);
}
/** Uploads under way after (key, id), until a key; a range of the index s3_upload_key. */
export function uploadEntries(
  reader: Reader,
  bucket: string,
  after: { readonly key: Uint8Array; readonly id: string },
  until: Uint8Array,
  limit: number,
): Promise<UploadRow[]> {
  return reader.all<UploadRow>(
    `select ${UPLOAD} from s3_upload where bucket = $1 and (key, id) > ($2, $3) and key < $4 and completed is null order by bucket, key, id limit $5`,
    [bucket, after.key, after.id, until, limit],
  );
}
/** Uploads of a bucket that is about to go, completed ones too; a range of the index s3_upload_key. */
export function uploadsOf(reader: Reader, bucket: string, limit: number): Promise<{ id: string }[]> {
  return reader.all("select id from s3_upload where bucket = $1 order by key, id limit $2", [bucket, limit]);
}

export type PartRow = {
  readonly number: number;
  readonly size: number;
  readonly etag: string;
  readonly modified: number;
  readonly checksum: string;
  readonly blob: string;
};
const PART = "number, size, etag, modified, checksum, blob";

/** Writes a part anew or over an earlier one; by the primary key. */
export async function putPart(transaction: Transaction, upload: string, row: PartRow): Promise<void> {
  await transaction.run(
    `insert into s3_part (upload, ${PART}) values ($1, $2, $3, $4, $5, $6, $7) on conflict (upload, number) do update set ` +
      "size = excluded.size, etag = excluded.etag, modified = excluded.modified, checksum = excluded.checksum, blob = excluded.blob",
    [upload, row.number, row.size, row.etag, row.modified, row.checksum, row.blob],
  );
}
/** By the primary key. */
export function partRow(reader: Reader, upload: string, number: number): Promise<PartRow | undefined> {
  return reader.get<PartRow>(`select ${PART} from s3_part where upload = $1 and number = $2`, [upload, number]);
}
/** The parts after a number; a range of the primary key. There are at most 10,000. */
export function partRows(reader: Reader, upload: string, after: number, limit: number): Promise<PartRow[]> {
  return reader.all<PartRow>(`select ${PART} from s3_part where upload = $1 and number > $2 order by number limit $3`, [
    upload,
    after,
    limit,
  ]);
}
/** A range of the primary key. */
export async function deleteParts(transaction: Transaction, upload: string): Promise<void> {
  await transaction.run("delete from s3_part where upload = $1", [upload]);
}
