/** Multipart uploads: begin, add parts, abandon, look. How they are completed is in completion.ts. */
import type { Call } from "../flow.ts";
import type { Reader, Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import { headersText, isInteger, quoted, tagsHeader } from "./attributes.ts";
import { pieceStream } from "./bytes.ts";
import {
  algorithmNamed,
  checksumMembers,
  checksumTypeFor,
  DEFAULT_ALGORITHM,
  type Algorithm,
  type ChecksumType,
} from "./checksums.ts";
import { type S3, type S3Handlers } from "./context.ts";
import { discard } from "./garbage.ts";
import { keyBytes } from "./names.ts";
import { parseRange } from "./reading.ts";
import { LARGEST_BYTES, receive, type Received } from "./receive.ts";
import { refuseUnsupported, storageClass } from "./refuse.ts";
import {
  deleteParts,
  deleteUpload,
  insertUpload,
  nameBlob,
  partRow,
  partRows,
  putPart,
  lockUploadRow,
  uploadRow,
  type UploadRow,
} from "./rows.ts";
import { sourceOf } from "./writing.ts";

export type UploadInput = {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
  readonly ExpectedBucketOwner?: string | undefined;
};

export function uploadHandlers(
  s3: S3,
): Pick<S3Handlers, "CreateMultipartUpload" | "UploadPart" | "UploadPartCopy" | "AbortMultipartUpload"> {
  return {
    async CreateMultipartUpload(input, call) {
      refuseUnsupported(input);
      const algorithm = algorithmNamed(input.ChecksumAlgorithm);
      const row: UploadRow = {
        id: uploadId(s3),
        bucket: input.Bucket,
        key: keyBytes(input.Key),
        started: s3.parts.clock.now(),
        initiator: initiatorText(call),
        storage_class: storageClass(input.StorageClass),
        algorithm: algorithm ?? null,
        checksum_type: algorithm ? checksumTypeFor(algorithm, input.ChecksumType) : null,
        headers: headersText(input),
        tags: tagsHeader(input.Tagging),
        completed: null,
      };
      if (!algorithm && input.ChecksumType !== undefined)
        throw fault(
          "InvalidRequest",
          "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
          { status: 400 },
        );
      return call.commit(async (transaction) => {
        await s3.hold(transaction, await s3.bucket(transaction, input));
        await insertUpload(transaction, row);
        return {
          Bucket: input.Bucket,
          Key: input.Key,
          UploadId: row.id,
          ServerSideEncryption: "AES256" as const,
          ...(algorithm
            ? { ChecksumAlgorithm: algorithm as "CRC32", ChecksumType: row.checksum_type as ChecksumType }
            : {}),
        };
      });
    },
    ...partHandlers(s3),
    async AbortMultipartUpload(input, call) {
      refuseUnsupported(input);
      return call.commit(async (transaction) => {
        await openUpload(s3, transaction, input);
        await dropUpload(s3, transaction, call.trace, input.UploadId);
        return {};
      });
    },
  };
}

function partHandlers(s3: S3): Pick<S3Handlers, "UploadPart" | "UploadPartCopy"> {
  return {
    async UploadPart(input, call) {
      refuseUnsupported(input);
      checkPartNumber(input.PartNumber);
      const upload = await call.read((reader) => openUpload(s3, reader, input));
      const received = await receive(s3, input, { inline: false, also: partAlgorithm(upload) });
      const sent = received.checksum;
      if (upload.algorithm !== null && sent.algorithm !== upload.algorithm) {
        if (received.blob !== null) await s3.parts.blobs.remove(received.blob);
        throw fault(
          "InvalidRequest",
          `Checksum Type mismatch occurred, expected checksum Type: ${upload.algorithm.toLowerCase()}, actual checksum Type: ${sent.algorithm.toLowerCase()}`,
          { status: 400 },
        );
      }
      await commitPart(s3, call, input, received, partAlgorithm(upload));
      return { ETag: quoted(received.etag), ServerSideEncryption: "AES256" as const, ...checksumMembers(sent) };
    },
    async UploadPartCopy(input, call) {
      refuseUnsupported(input);
      checkPartNumber(input.PartNumber);
      const upload = await call.read((reader) => openUpload(s3, reader, input));
      const source = await sourceOf(s3, call, input);
      const range = copyRange(input.CopySourceRange, source.size);
      if (range.end - range.start > LARGEST_BYTES)
        throw fault(
          "InvalidRequest",
          `The specified copy source is larger than the maximum allowable size for a copy source: ${LARGEST_BYTES}`,
          { status: 400 },
        );
      const algorithm = partAlgorithm(upload);
      const received = await receive(
        s3,
        { Body: pieceStream(s3, source, range.start, range.end) },
        { inline: false, also: algorithm },
      );
      const modified = await commitPart(s3, call, input, received, algorithm);
      return {
        ServerSideEncryption: "AES256" as const,
        CopyPartResult: {
          ETag: quoted(received.etag),
          LastModified: new Date(modified),
          ...(upload.algorithm === null
            ? {}
            : checksumMembers({ algorithm, value: received.digests[algorithm] ?? "" })),
        },
      };
    },
  };
}

/** The upload under way that a request names. */
export async function openUpload(s3: S3, reader: Reader | Transaction, input: UploadInput): Promise<UploadRow> {
  const upload = await namedUpload(s3, reader, input);
  if (upload.completed !== null) throw noSuchUpload(input.UploadId);
  return upload;
}
/** The upload that a request names, also if it was completed a short while ago. In a transaction nobody else changes it meanwhile. */
export async function namedUpload(s3: S3, reader: Reader | Transaction, input: UploadInput): Promise<UploadRow> {
  await s3.bucket(reader, input);
  const upload =
    "run" in reader ? await lockUploadRow(reader, input.UploadId) : await uploadRow(reader, input.UploadId);
  if (!upload || upload.bucket !== input.Bucket || !keyBytes(input.Key).equals(upload.key))
    throw noSuchUpload(input.UploadId);
  return upload;
}

/** Removes an upload and lets go of its parts' bytes. */
export async function dropUpload(s3: S3, transaction: Transaction, trace: string, upload: string): Promise<void> {
  const parts = await partRows(transaction, upload, 0, 10_000);
  await deleteParts(transaction, upload);
  await deleteUpload(transaction, upload);
  await discard(
    s3,
    transaction,
    trace,
    parts.map((part) => part.blob),
  );
}

/** What every part's checksum is kept in, so that the whole's can be made of them. */
export function partAlgorithm(upload: UploadRow): Algorithm {
  return algorithmNamed(upload.algorithm ?? undefined) ?? DEFAULT_ALGORITHM;
}

async function commitPart(
  s3: S3,
  call: Call,
  input: UploadInput & { readonly PartNumber: number },
  received: Received,
  algorithm: Algorithm,
): Promise<number> {
  const { blob } = received;
  if (blob === null) throw new Error("a part is always a blob");
  return s3.commitBlob(blob, () =>
    call.commit(async (transaction) => {
      await openUpload(s3, transaction, input);
      const old = await partRow(transaction, input.UploadId, input.PartNumber);
      const modified = s3.parts.clock.now();
      await putPart(transaction, input.UploadId, {
        number: input.PartNumber,
        size: received.size,
        etag: received.etag,
        modified,
        checksum: received.digests[algorithm] ?? "",
        blob,
      });
      await nameBlob(transaction, blob);
      if (old) await discard(s3, transaction, call.trace, [old.blob]);
      return modified;
    }),
  );
}

function checkPartNumber(number: number): void {
  isInteger(number, 1, 10_000, "partNumber");
}
/** A source range that is out of bounds is refused, unlike a range of a GET. */
function copyRange(header: string | undefined, size: number): { start: number; end: number } {
  if (header === undefined) return { start: 0, end: size };
  const last = /^bytes=\d+-(\d+)$/.exec(header)?.[1];
  if (last === undefined || Number(last) >= size)
    throw fault("InvalidArgument", `Range specified is not valid for source object of size: ${size}`, {
      status: 400,
      detail: { ArgumentName: "x-amz-copy-source-range", ArgumentValue: header },
    });
  return parseRange(header, size) ?? { start: 0, end: size };
}

function noSuchUpload(id: string): Error {
  return fault(
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    { status: 404, detail: { UploadId: id } },
  );
}

let lastUpload = 0;
/** Begins with the time, so that uploads of one key sort by age; the rest cannot be guessed. */
function uploadId(s3: S3): string {
  lastUpload = Math.max(lastUpload + 1, s3.parts.clock.now() * 1000);
  const time = lastUpload.toString(36).padStart(11, "0");
  return `${time}.${s3.parts.clock.text(40, "abcdefghijklmnopqrstuvwxyz0123456789")}`;
}
function initiatorText(call: Call): string {
  const { principal } = call;
  if (principal.kind === "service") return JSON.stringify({ ID: principal.service, DisplayName: principal.service });
  if (principal.kind === "anonymous") return JSON.stringify({ ID: "anonymous", DisplayName: "anonymous" });
  const name = principal.kind === "user" ? principal.name : (principal.arn.split("/").at(-1) ?? principal.account);
  return JSON.stringify({ ID: principal.arn, DisplayName: name });
}
