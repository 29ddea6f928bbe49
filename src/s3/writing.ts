/** PutObject and CopyObject, and the one way in which an object comes to be. */
import type { Call } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import { pieceStream } from "./bytes.ts";
import {
  checksumText,
  checkWrite,
  failedCondition,
  headersText,
  preconditionFailed,
  quoted,
  tagsHeader,
  type Headers,
} from "./attributes.ts";
import { algorithmNamed, checksumMembers, type Checksum } from "./checksums.ts";
import { expectOwner, type Bucket, type S3, type S3Handlers } from "./context.ts";
import { discard, piecesOf, type Piece } from "./garbage.ts";
import { copySource, keyBytes } from "./names.ts";
import { announce, type Happening } from "./notify.ts";
import { isSmall, LARGEST_BYTES, receive, type Received } from "./receive.ts";
import { checkVersion, refuseUnsupported, storageClass } from "./refuse.ts";
import { lockObjectRow, nameBlob, objectWithBytes, putObjectRow, type ObjectWithBytes } from "./rows.ts";

/** An object that is about to be written: everything but who and when. */
export type Draft = {
  readonly key: string;
  readonly keyBytes: Uint8Array;
  readonly size: number;
  readonly etag: string;
  readonly checksum: Checksum;
  readonly storageClass: string;
  readonly headers: string | null;
  readonly tags: string | null;
  readonly bytes: Uint8Array | null;
  readonly parts: readonly Piece[] | null;
  readonly conditions: { readonly IfMatch?: string | undefined; readonly IfNoneMatch?: string | undefined };
  readonly reason: NonNullable<Happening["reason"]>;
};

/** Writes the object, lets go of the bytes it replaces, and tells whom it concerns. Answers when it was modified. */
export async function writeObject(
  s3: S3,
  transaction: Transaction,
  call: Call,
  bucket: Bucket,
  draft: Draft,
): Promise<number> {
  const [old] = await Promise.all([
    lockObjectRow(transaction, bucket.name, draft.keyBytes),
    s3.hold(transaction, bucket),
  ]);
  checkWrite(draft.conditions, old, draft.key);
  const sequence = s3.sequence(old?.sequence);
  const modified = s3.parts.clock.now();
  await putObjectRow(
    transaction,
    {
      bucket: bucket.name,
      key: draft.keyBytes,
      version: "null",
      sequence,
      size: draft.size,
      etag: draft.etag,
      modified,
      storage_class: draft.storageClass,
      checksum: checksumText(draft.checksum),
      headers: draft.headers,
      tags: draft.tags,
      trace: call.trace,
      operation: call.operation,
      parts: draft.parts && JSON.stringify(draft.parts),
      bytes: draft.bytes,
    },
    old,
  );
  if (old?.parts)
    await discard(
      s3,
      transaction,
      call.trace,
      piecesOf(old.parts).map((piece) => piece.blob),
    );
  const { key, size, etag, reason } = draft;
  await announce(s3, transaction, call, bucket, { type: "Object Created", key, size, etag, sequence, reason });
  return modified;
}

export function writingHandlers(s3: S3): Pick<S3Handlers, "PutObject" | "CopyObject"> {
  return {
    async PutObject(input, call) {
      refuseUnsupported(input);
      const name = keyBytes(input.Key);
      const headers = headersText(input);
      const tags = tagsHeader(input.Tagging);
      const kind = storageClass(input.StorageClass);
      // Said before many bytes are read; the transaction asks again.
      if (!isSmall(input.Body)) await call.read((reader) => s3.bucket(reader, input));
      const received = await receive(s3, input, { inline: true });
      const checksum: Checksum = { ...received.checksum, type: "FULL_OBJECT" };
      return s3.commitBlob(received.blob, () =>
        call.commit(async (transaction) => {
          const bucket = await s3.bucket(transaction, input);
          if (received.blob !== null) await nameBlob(transaction, received.blob);
          await writeObject(s3, transaction, call, bucket, {
            ...draftOf(received, checksum),
            key: input.Key,
            keyBytes: name,
            storageClass: kind,
            headers,
            tags,
            conditions: input,
            reason: "PutObject",
          });
          return {
            ETag: quoted(received.etag),
            ServerSideEncryption: "AES256" as const,
            ChecksumType: "FULL_OBJECT" as const,
            ...checksumMembers(checksum),
          };
        }),
      );
    },
    CopyObject: (input, call) => copyObject(s3, input, call),
  };
}

function draftOf(received: Received, checksum: Checksum) {
  const { size, etag, bytes, blob } = received;
  return { size, etag, checksum, bytes, parts: blob === null ? null : [{ blob, size }] };
}

type CopyInput = Parameters<NonNullable<S3Handlers["CopyObject"]>>[0];
type CopyOutput = Awaited<ReturnType<NonNullable<S3Handlers["CopyObject"]>>>;

async function copyObject(s3: S3, input: CopyInput, call: Call): Promise<CopyOutput> {
  refuseUnsupported(input);
  const name = keyBytes(input.Key);
  const kind = storageClass(input.StorageClass);
  const replaceHeaders = directive(input.MetadataDirective, "MetadataDirective") === "REPLACE";
  const replaceTags = directive(input.TaggingDirective, "TaggingDirective") === "REPLACE";
  const from = copySource(input.CopySource);
  const changes = replaceHeaders || replaceTags || input.StorageClass !== undefined || input.ChecksumAlgorithm;
  if (from.bucket === input.Bucket && from.key === input.Key && !changes && input.WebsiteRedirectLocation === undefined)
    throw fault(
      "InvalidRequest",
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
      { status: 400 },
    );
  await call.read((reader) => s3.bucket(reader, input));
  const source = await sourceOf(s3, call, input);
  if (source.size > LARGEST_BYTES)
    throw fault(
      "InvalidRequest",
      `The specified copy source is larger than the maximum allowable size for a copy source: ${LARGEST_BYTES}`,
      { status: 400 },
    );
  const algorithm = algorithmNamed(input.ChecksumAlgorithm) ?? algorithmNamed(source.checksum?.split(" ")[0]);
  const received = await receive(
    s3,
    { Body: pieceStream(s3, source, 0, source.size) },
    { inline: true, also: algorithm },
  );
  const checksum: Checksum = { ...received.checksum, type: "FULL_OBJECT" };
  const headers = replaceHeaders ? headersText(input) : withRedirect(source.headers, input.WebsiteRedirectLocation);
  const tags = replaceTags ? tagsHeader(input.Tagging) : source.tags;
  return s3.commitBlob(received.blob, () =>
    call.commit(async (transaction) => {
      const bucket = await s3.bucket(transaction, input);
      if (received.blob !== null) await nameBlob(transaction, received.blob);
      const modified = await writeObject(s3, transaction, call, bucket, {
        ...draftOf(received, checksum),
        key: input.Key,
        keyBytes: name,
        storageClass: kind,
        headers,
        tags,
        conditions: input,
        reason: "CopyObject",
      });
      return {
        ServerSideEncryption: "AES256" as const,
        CopyObjectResult: {
          ETag: quoted(received.etag),
          LastModified: new Date(modified),
          ChecksumType: "FULL_OBJECT" as const,
          ...checksumMembers(checksum),
        },
      };
    }),
  );
}

type SourceInput = {
  readonly CopySource: string;
  readonly ExpectedSourceBucketOwner?: string | undefined;
  readonly CopySourceIfMatch?: string | undefined;
  readonly CopySourceIfNoneMatch?: string | undefined;
  readonly CopySourceIfModifiedSince?: Date | undefined;
  readonly CopySourceIfUnmodifiedSince?: Date | undefined;
};
/** The object that a copy reads, after its conditions. */
export async function sourceOf(s3: S3, call: Call, input: SourceInput): Promise<ObjectWithBytes> {
  const from = copySource(input.CopySource);
  checkVersion(from.version);
  const { bucket, object } = await call.read(async (reader) => {
    const found = await s3.bucket(reader, { Bucket: from.bucket });
    expectOwner(found, input.ExpectedSourceBucketOwner);
    return { bucket: found, object: await objectWithBytes(reader, from.bucket, keyBytes(from.key)) };
  });
  if (!object) return s3.missing(call, bucket, from.key);
  const failed = failedCondition(
    {
      IfMatch: input.CopySourceIfMatch,
      IfNoneMatch: input.CopySourceIfNoneMatch,
      IfModifiedSince: input.CopySourceIfModifiedSince,
      IfUnmodifiedSince: input.CopySourceIfUnmodifiedSince,
    },
    object,
  );
  if (failed) throw preconditionFailed(`x-amz-copy-source-${failed}`);
  return object;
}

function directive(given: string | undefined, name: string): string {
  if (given === undefined || given === "COPY" || given === "REPLACE") return given ?? "COPY";
  throw fault("InvalidArgument", `Unknown ${name.replace(/D/, " d").toLowerCase()}.`, {
    status: 400,
    detail: { ArgumentName: name, ArgumentValue: given },
  });
}

/** A redirect is never copied from the source. */
function withRedirect(headers: string | null, redirect: string | undefined): string | null {
  const { WebsiteRedirectLocation: _, ...kept } = headers === null ? ({} as Headers) : (JSON.parse(headers) as Headers);
  const all = redirect === undefined ? kept : { ...kept, WebsiteRedirectLocation: redirect };
  return Object.keys(all).length === 0 ? null : JSON.stringify(all);
}
