/** CompleteMultipartUpload: the parts become an object where they are; no byte is copied. */
import { createHash } from "node:crypto";
import type { Call } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import { DONE, type PureWorker } from "../relay/relay.ts";
import { fault } from "../wire/fault.ts";
import { bareEtag, quoted } from "./attributes.ts";
import {
  checksumGiven,
  checksumMembers,
  combined,
  type Algorithm,
  type Checksum,
  type ChecksumType,
} from "./checksums.ts";
import type { S3, S3Handlers } from "./context.ts";
import { discard } from "./garbage.ts";
import { keyBytes } from "./names.ts";
import { refuseUnsupported } from "./refuse.ts";
import { completeUpload, deleteParts, deleteUpload, partRows, type PartRow, type UploadRow } from "./rows.ts";
import { namedUpload, partAlgorithm } from "./uploads.ts";
import { writeObject } from "./writing.ts";

/** No part but the last may be smaller. */
const SMALLEST_PART_BYTES = 5 * 1024 * 1024;
/** How long a completed upload answers the same to a client that lost the first answer. */
const REMEMBER_MS = 24 * 3_600_000;
export const FORGET = "s3.forget";

type Input = Parameters<NonNullable<S3Handlers["CompleteMultipartUpload"]>>[0];
type Output = Awaited<ReturnType<NonNullable<S3Handlers["CompleteMultipartUpload"]>>>;
type Asked = NonNullable<NonNullable<Input["MultipartUpload"]>["Parts"]>[number];

export function completionHandlers(s3: S3): Pick<S3Handlers, "CompleteMultipartUpload"> {
  return {
    async CompleteMultipartUpload(input, call) {
      refuseUnsupported(input);
      const asked = input.MultipartUpload?.Parts ?? [];
      if (asked.length === 0 || asked.length > 10_000)
        throw fault(
          "MalformedXML",
          "The XML you provided was not well-formed or did not validate against our published schema",
          { status: 400 },
        );
      checkOrder(asked);
      return call.commit((transaction) => complete(s3, transaction, call, input, asked));
    },
  };
}

async function complete(
  s3: S3,
  transaction: Transaction,
  call: Call,
  input: Input,
  asked: readonly Asked[],
): Promise<Output> {
  const upload = await namedUpload(s3, transaction, input);
  // The answer may have been lost on its way: a second request gets the same one.
  if (upload.completed !== null) return JSON.parse(upload.completed) as Output;
  const stored = await partRows(transaction, upload.id, 0, 10_000);
  const chosen = chooseParts(upload, asked, stored);
  const size = chosen.reduce((sum, part) => sum + part.size, 0);
  if (input.MpuObjectSize !== undefined && Number(input.MpuObjectSize) !== size)
    throw fault(
      "InvalidRequest",
      "The provided 'x-amz-mp-object-size' header value does not match what was computed.",
      { status: 400 },
    );
  const checksum = checksumFor(input, upload, chosen);
  const bucket = await s3.bucket(transaction, input);
  const etag = etagOf(chosen);
  await writeObject(s3, transaction, call, bucket, {
    key: input.Key,
    keyBytes: keyBytes(input.Key),
    size,
    etag,
    checksum,
    storageClass: upload.storage_class,
    headers: upload.headers,
    tags: upload.tags,
    bytes: null,
    parts: chosen.map(({ blob, size: bytes, number, checksum: value }) => ({
      blob,
      size: bytes,
      number,
      checksum: value,
    })),
    conditions: input,
    reason: "CompleteMultipartUpload",
  });
  const output = {
    Location: `http://${call.source.host}/${input.Bucket}/${encodeURIComponent(input.Key).replaceAll("%2F", "/")}`,
    Bucket: input.Bucket,
    Key: input.Key,
    ETag: quoted(etag),
    ServerSideEncryption: "AES256" as const,
    ChecksumType: checksum.type,
    ...checksumMembers(checksum),
  };
  const kept = new Set(chosen.map((part) => part.blob));
  const unused = stored.map((part) => part.blob).filter((blob) => !kept.has(blob));
  await deleteParts(transaction, upload.id);
  await discard(s3, transaction, call.trace, unused);
  await completeUpload(transaction, upload.id, JSON.stringify(output));
  await s3.parts.relay.append(transaction, {
    kind: FORGET,
    key: upload.id,
    trace: call.trace,
    body: { upload: upload.id },
    dueAt: s3.parts.clock.now() + REMEMBER_MS,
  });
  return output;
}

/** Forgets a completed upload. */
export const forgetUpload: PureWorker = async (transaction, work) => {
  await deleteUpload(transaction, (work.body as { upload: string }).upload);
  return DONE;
};

function checkOrder(asked: readonly Asked[]): void {
  let before = 0;
  for (const { PartNumber = 0 } of asked) {
    if (PartNumber <= before)
      throw fault(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        { status: 400 },
      );
    before = PartNumber;
  }
}

function chooseParts(upload: UploadRow, asked: readonly Asked[], stored: readonly PartRow[]): readonly PartRow[] {
  const byNumber = new Map(stored.map((part) => [part.number, part]));
  const algorithm = partAlgorithm(upload);
  return asked.map((one, index) => {
    const part = byNumber.get(one.PartNumber ?? 0);
    const given = checksumGiven(one);
    if (
      !part ||
      bareEtag(one.ETag ?? "") !== part.etag ||
      (given?.algorithm === algorithm && given.value !== part.checksum)
    )
      throw fault(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        { status: 400, detail: { UploadId: upload.id, PartNumber: one.PartNumber, ETag: one.ETag } },
      );
    if (upload.checksum_type === "COMPOSITE" && !given)
      throw fault(
        "InvalidRequest",
        `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${part.number} in the request.`,
        { status: 400 },
      );
    if (index < asked.length - 1 && part.size < SMALLEST_PART_BYTES)
      throw fault("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", {
        status: 400,
        detail: {
          ProposedSize: part.size,
          MinSizeAllowed: SMALLEST_PART_BYTES,
          PartNumber: part.number,
          ETag: part.etag,
        },
      });
    return part;
  });
}

function checksumFor(input: Input, upload: UploadRow, chosen: readonly PartRow[]): Checksum {
  const algorithm: Algorithm = partAlgorithm(upload);
  const type = (upload.checksum_type ?? "FULL_OBJECT") as ChecksumType;
  if (input.ChecksumType !== undefined && input.ChecksumType !== type)
    throw fault(
      "InvalidRequest",
      `The upload was created with the checksum type ${type}; the complete request says ${input.ChecksumType}.`,
      { status: 400 },
    );
  const checksum = combined(
    algorithm,
    type,
    chosen.map(({ checksum: value, size }) => ({ value, size })),
  );
  const given = (input as Readonly<Record<string, unknown>>)[`Checksum${algorithm}`];
  if (typeof given === "string" && given.replace(/-\d+$/, "") !== checksum.value.replace(/-\d+$/, ""))
    throw fault("BadDigest", `The ${algorithm.toLowerCase()} you specified did not match the calculated checksum.`, {
      status: 400,
    });
  return checksum;
}

/** MD5 of the parts' MD5s, and how many there are. */
function etagOf(parts: readonly PartRow[]): string {
  const hash = createHash("md5");
  for (const part of parts) hash.update(Buffer.from(part.etag, "hex"));
  return `${hash.digest("hex")}-${parts.length}`;
}
