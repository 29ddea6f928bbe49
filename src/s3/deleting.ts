/** DeleteObject, DeleteObjects and object tagging: what changes a key without new bytes. */
import type { Call } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import { AwsFault, fault } from "../wire/fault.ts";
import { bareEtag, preconditionFailed, tagsOf, tagsText } from "./attributes.ts";
import { noSuchKey, shareOf, type Bucket, type S3, type S3Handlers } from "./context.ts";
import { discard, piecesOf } from "./garbage.ts";
import { keyBytes, objectArn } from "./names.ts";
import { announce } from "./notify.ts";
import { checkVersion, refuseUnsupported } from "./refuse.ts";
import { deleteObjectRow, lockObjectRow, objectRow, setObjectTags, type ObjectRow } from "./rows.ts";

type Conditions = {
  readonly IfMatch?: string | undefined;
  readonly IfMatchLastModifiedTime?: Date | undefined;
  readonly IfMatchSize?: number | undefined;
};
type Wanted = { readonly Key: string; readonly VersionId?: string | undefined; readonly conditions: Conditions };

export function deletingHandlers(
  s3: S3,
): Pick<
  S3Handlers,
  "DeleteObject" | "DeleteObjects" | "GetObjectTagging" | "PutObjectTagging" | "DeleteObjectTagging"
> {
  return {
    async DeleteObject(input, call) {
      refuseUnsupported(input);
      checkVersion(input.VersionId);
      keyBytes(input.Key);
      return call.commit(async (transaction) => {
        const bucket = await s3.bucket(transaction, input);
        await deleteObject(s3, transaction, call, bucket, { Key: input.Key, conditions: input });
        return {};
      });
    },
    DeleteObjects: (input, call) => deleteObjects(s3, input, call),
    async GetObjectTagging(input, call) {
      checkVersion(input.VersionId);
      const { bucket, object } = await call.read(async (reader) => ({
        bucket: await s3.bucket(reader, input),
        object: await objectRow(reader, input.Bucket, keyBytes(input.Key)),
      }));
      if (!object) return s3.missing(call, bucket, input.Key);
      return { TagSet: tagsOf(object.tags) };
    },
    async PutObjectTagging(input, call) {
      checkVersion(input.VersionId);
      const tags = tagsText(input.Tagging.TagSet, 10);
      await call.commit((transaction) => retag(s3, transaction, call, input, tags));
      return {};
    },
    async DeleteObjectTagging(input, call) {
      checkVersion(input.VersionId);
      await call.commit((transaction) => retag(s3, transaction, call, input, null));
      return {};
    },
  };
}

async function deleteObject(
  s3: S3,
  transaction: Transaction,
  call: Call,
  bucket: Bucket,
  { Key, conditions }: Wanted,
): Promise<void> {
  const name = keyBytes(Key);
  const old = await lockObjectRow(transaction, bucket.name, name);
  checkDelete(conditions, old);
  // Deleting what is not there succeeds, and nobody is told of it.
  if (!old) return;
  await deleteObjectRow(transaction, bucket.name, name);
  if (old.parts)
    await discard(
      s3,
      transaction,
      call.trace,
      piecesOf(old.parts).map((piece) => piece.blob),
    );
  await announce(s3, transaction, call, bucket, {
    type: "Object Deleted",
    key: Key,
    etag: old.etag,
    sequence: s3.sequence(old.sequence),
    reason: "DeleteObject",
    deletion: "Permanently Deleted",
  });
}

function checkDelete({ IfMatch, IfMatchSize, IfMatchLastModifiedTime }: Conditions, old: ObjectRow | undefined): void {
  if (IfMatch === undefined && IfMatchSize === undefined && IfMatchLastModifiedTime === undefined) return;
  if (!old) throw preconditionFailed("If-Match");
  if (IfMatch !== undefined && IfMatch.trim() !== "*" && bareEtag(IfMatch) !== old.etag)
    throw preconditionFailed("If-Match");
  if (IfMatchSize !== undefined && IfMatchSize !== old.size) throw preconditionFailed("x-amz-if-match-size");
  const seconds = (ms: number) => Math.floor(ms / 1000);
  if (IfMatchLastModifiedTime && seconds(IfMatchLastModifiedTime.getTime()) !== seconds(old.modified))
    throw preconditionFailed("x-amz-if-match-last-modified-time");
}

type ManyInput = Parameters<NonNullable<S3Handlers["DeleteObjects"]>>[0];
type ManyOutput = Awaited<ReturnType<NonNullable<S3Handlers["DeleteObjects"]>>>;
type KeyError = { Key: string; Code: string; Message: string; VersionId?: string };

/** Each key stands for itself: one that is denied or wrong is answered as an error beside the others. */
async function deleteObjects(s3: S3, input: ManyInput, call: Call): Promise<ManyOutput> {
  refuseUnsupported(input);
  const objects = input.Delete.Objects;
  if (objects.length === 0 || objects.length > 1000)
    throw fault(
      "MalformedXML",
      "The XML you provided was not well-formed or did not validate against our published schema",
      { status: 400 },
    );
  const bucket = await call.read((reader) => s3.bucket(reader, input));
  const errors: KeyError[] = [];
  const allowed: Wanted[] = [];
  for (const { Key, VersionId, ETag, Size, LastModifiedTime } of objects) {
    const error = await errorOf(Key, VersionId, async () => {
      keyBytes(Key);
      await call.authorize({
        action: deleteAction(VersionId),
        resource: objectArn(bucket.name, Key),
        ...shareOf(bucket, call),
      });
      checkVersion(VersionId);
    });
    const conditions = { IfMatch: ETag, IfMatchSize: Size, IfMatchLastModifiedTime: LastModifiedTime };
    if (error) errors.push(error);
    else allowed.push({ Key, VersionId, conditions });
  }
  return call.commit(async (transaction) => {
    const current = await s3.bucket(transaction, input);
    const failures = [...errors];
    const deleted: { Key: string; VersionId?: string }[] = [];
    for (const wanted of allowed) {
      const error = await errorOf(wanted.Key, wanted.VersionId, () =>
        deleteObject(s3, transaction, call, current, wanted),
      );
      if (error) failures.push(error);
      else
        deleted.push({ Key: wanted.Key, ...(wanted.VersionId === undefined ? {} : { VersionId: wanted.VersionId }) });
    }
    return {
      ...(input.Delete.Quiet === true ? {} : { Deleted: deleted }),
      ...(failures.length > 0 ? { Errors: failures } : {}),
    };
  });
}
function deleteAction(version: string | undefined): string {
  return version === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion";
}

async function errorOf(
  key: string,
  version: string | undefined,
  work: () => Promise<void>,
): Promise<KeyError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error;
    return {
      Key: key,
      Code: error.code,
      Message: error.message,
      ...(version === undefined ? {} : { VersionId: version }),
    };
  }
}

async function retag(
  s3: S3,
  transaction: Transaction,
  call: Call,
  input: { readonly Bucket: string; readonly Key: string; readonly ExpectedBucketOwner?: string | undefined },
  tags: string | null,
): Promise<void> {
  const bucket = await s3.bucket(transaction, input);
  const name = keyBytes(input.Key);
  const object = await lockObjectRow(transaction, bucket.name, name);
  if (!object) throw noSuchKey(input.Key);
  await setObjectTags(transaction, bucket.name, name, tags);
  if (tags === object.tags) return;
  await announce(s3, transaction, call, bucket, {
    type: tags === null ? "Object Tags Deleted" : "Object Tags Added",
    key: input.Key,
    etag: object.etag,
    sequence: s3.sequence(object.sequence),
  });
}
