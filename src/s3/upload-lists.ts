/** ListParts and ListMultipartUploads. */
import type { Call } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { quoted } from "./attributes.ts";
import { algorithmNamed, checksumMembers, type ChecksumType } from "./checksums.ts";
import { invalidArgument, type S3, type S3Handlers } from "./context.ts";
import { encoder, ownerOf, pageSize } from "./listing.ts";
import { keyText } from "./names.ts";
import { partRows, uploadEntries, type UploadRow } from "./rows.ts";
import { after, bufferOf, commonPrefix } from "./scan.ts";
import { openUpload } from "./uploads.ts";

export function uploadListHandlers(s3: S3): Pick<S3Handlers, "ListParts" | "ListMultipartUploads"> {
  return {
    async ListParts(input, call) {
      const limit = pageSize(input.MaxParts, "max-parts");
      const marker = Number(input.PartNumberMarker ?? 0);
      if (!Number.isInteger(marker) || marker < 0)
        throw invalidArgument(
          "Argument part-number-marker must be an integer between 0 and 2147483647",
          "part-number-marker",
          input.PartNumberMarker,
        );
      const { bucket, upload, rows } = await call.read(async (reader) => ({
        bucket: await s3.bucket(reader, input),
        upload: await openUpload(s3, reader, input),
        rows: await partRows(reader, input.UploadId, marker, limit + 1),
      }));
      const page = rows.slice(0, limit);
      const algorithm = algorithmNamed(upload.algorithm ?? undefined);
      return {
        Bucket: input.Bucket,
        Key: input.Key,
        UploadId: input.UploadId,
        PartNumberMarker: String(marker),
        NextPartNumberMarker: String(page.at(-1)?.number ?? 0),
        MaxParts: limit,
        IsTruncated: rows.length > limit,
        Parts: page.map((part) => ({
          PartNumber: part.number,
          LastModified: new Date(part.modified),
          ETag: quoted(part.etag),
          Size: part.size,
          ...(algorithm ? checksumMembers({ algorithm, value: part.checksum }) : {}),
        })),
        Initiator: JSON.parse(upload.initiator) as { ID: string; DisplayName: string },
        Owner: ownerOf(bucket.account),
        StorageClass: upload.storage_class as "STANDARD",
        ...algorithmMembers(upload),
      };
    },
    ListMultipartUploads: (input, call) => listUploads(s3, input, call),
  };
}

type ListInput = Parameters<NonNullable<S3Handlers["ListMultipartUploads"]>>[0];
type ListOutput = Awaited<ReturnType<NonNullable<S3Handlers["ListMultipartUploads"]>>>;
async function listUploads(s3: S3, input: ListInput, call: Call): Promise<ListOutput> {
  const encode = encoder(input.EncodingType);
  const limit = pageSize(input.MaxUploads, "max-uploads");
  const { bucket, page } = await call.read(async (reader) => ({
    bucket: await s3.bucket(reader, input),
    page: await uploadPage(reader, input, limit),
  }));
  return {
    Bucket: input.Bucket,
    KeyMarker: encode(input.KeyMarker ?? ""),
    UploadIdMarker: input.UploadIdMarker ?? "",
    NextKeyMarker: encode(page.nextKey ?? ""),
    NextUploadIdMarker: page.nextId ?? "",
    Prefix: encode(input.Prefix ?? ""),
    ...(input.Delimiter ? { Delimiter: encode(input.Delimiter) } : {}),
    ...(input.EncodingType === undefined ? {} : { EncodingType: input.EncodingType }),
    MaxUploads: limit,
    IsTruncated: page.nextKey !== undefined,
    Uploads: page.uploads.map((row) => ({
      UploadId: row.id,
      Key: encode(keyText(row.key)),
      Initiated: new Date(row.started),
      StorageClass: row.storage_class as "STANDARD",
      Owner: ownerOf(bucket.account),
      Initiator: JSON.parse(row.initiator) as { ID: string; DisplayName: string },
      ...algorithmMembers(row),
    })),
    ...(page.prefixes.length > 0
      ? { CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })) }
      : {}),
  };
}

function algorithmMembers(upload: UploadRow) {
  return upload.algorithm === null
    ? {}
    : { ChecksumAlgorithm: upload.algorithm as "CRC32", ChecksumType: upload.checksum_type as ChecksumType };
}

type UploadsInput = {
  readonly Bucket: string;
  readonly Prefix?: string | undefined;
  readonly Delimiter?: string | undefined;
  readonly KeyMarker?: string | undefined;
  readonly UploadIdMarker?: string | undefined;
};
/** Sorts after every upload id. */
const LAST_ID = "~";
const NOTHING: Buffer = Buffer.alloc(0);

/** One page of uploads by key and age; keys below a common prefix are skipped by a seek. */
async function uploadPage(reader: Reader, input: UploadsInput, limit: number) {
  const prefix = Buffer.from(input.Prefix ?? "");
  const delimiter = Buffer.from(input.Delimiter ?? "");
  const until = prefix.length === 0 ? Buffer.from([0xff]) : after(prefix);
  const uploads: UploadRow[] = [];
  const prefixes: string[] = [];
  const marker = Buffer.from(input.KeyMarker ?? "");
  const rolled = commonPrefix(marker, prefix, delimiter);
  let from: { key: Buffer; id: string } = { key: marker, id: input.KeyMarker ? input.UploadIdMarker || LAST_ID : "" };
  if (rolled?.equals(marker)) from = { key: after(marker), id: "" };
  if (Buffer.compare(from.key, prefix) < 0) from = { key: prefix, id: "" };
  let nextKey: string | undefined;
  let nextId: string | undefined;
  for (;;) {
    const rows = limit === 0 ? [] : await uploadEntries(reader, input.Bucket, from, until, limit + 1);
    if (rows.length === 0) return { uploads, prefixes, nextKey: undefined, nextId: undefined };
    let skipped: Buffer = NOTHING;
    for (const row of rows) {
      const key = bufferOf(row.key);
      if (skipped.length > 0 && key.subarray(0, skipped.length).equals(skipped)) continue;
      if (uploads.length + prefixes.length >= limit) return { uploads, prefixes, nextKey: nextKey ?? "", nextId };
      const common = commonPrefix(key, prefix, delimiter);
      skipped = common ?? NOTHING;
      if (common) prefixes.push(common.toString());
      else uploads.push(row);
      nextKey = common ? common.toString() : key.toString();
      nextId = common ? "" : row.id;
      from = common ? { key: after(common), id: "" } : { key, id: row.id };
    }
  }
}
