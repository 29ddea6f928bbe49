/** What a caller must be allowed: S3's action names, resources, and the condition keys that only S3 knows. */
import type { Access, CallFacts } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { tagsOf } from "./attributes.ts";
import { shareOf, type S3 } from "./context.ts";
import { bucketArn, copySource, objectArn } from "./names.ts";
import { objectTags } from "./rows.ts";

/** Where the action is not called like the operation. */
const ACTIONS: Readonly<Record<string, string>> = {
  HeadBucket: "ListBucket",
  ListObjects: "ListBucket",
  ListObjectsV2: "ListBucket",
  ListObjectVersions: "ListBucketVersions",
  ListBuckets: "ListAllMyBuckets",
  ListMultipartUploads: "ListBucketMultipartUploads",
  ListParts: "ListMultipartUploadParts",
  HeadObject: "GetObject",
  CopyObject: "PutObject",
  CreateMultipartUpload: "PutObject",
  UploadPart: "PutObject",
  UploadPartCopy: "PutObject",
  CompleteMultipartUpload: "PutObject",
  GetBucketNotificationConfiguration: "GetBucketNotification",
  PutBucketNotificationConfiguration: "PutBucketNotification",
  DeleteBucketTagging: "PutBucketTagging",
  GetBucketAccelerateConfiguration: "GetAccelerateConfiguration",
  GetBucketEncryption: "GetEncryptionConfiguration",
  GetPublicAccessBlock: "GetBucketPublicAccessBlock",
  GetBucketCors: "GetBucketCORS",
  GetBucketLifecycleConfiguration: "GetLifecycleConfiguration",
  GetBucketReplication: "GetReplicationConfiguration",
  GetObjectLockConfiguration: "GetBucketObjectLockConfiguration",
};
/** Actions that have a second name when the request names a version. */
const VERSIONED: Readonly<Record<string, string>> = {
  GetObject: "GetObjectVersion",
  GetObjectAttributes: "GetObjectVersionAttributes",
  GetObjectAcl: "GetObjectVersionAcl",
  GetObjectTagging: "GetObjectVersionTagging",
  PutObjectTagging: "PutObjectVersionTagging",
  DeleteObjectTagging: "DeleteObjectVersionTagging",
  DeleteObject: "DeleteObjectVersion",
};
/** Operations whose permission may depend on the tags that the object has. */
const BY_TAGS = /^((Get|Head)Object|(Get|Put|Delete)ObjectTagging|GetObjectAcl|GetObjectAttributes)$/;

type Input = Readonly<Record<string, unknown>> & {
  readonly Bucket?: string;
  readonly Key?: string;
  readonly CopySource?: string;
  readonly VersionId?: string;
  readonly Tagging?: unknown;
};

export function accessFor(
  s3: S3,
): (operation: string, input: Input, facts: CallFacts, reader: Reader) => Promise<readonly Access[]> {
  return async (operation, input, facts, reader) => {
    const { Bucket, Key } = input;
    if (Bucket === undefined) return [{ action: "s3:ListAllMyBuckets", resource: "arn:aws:s3:::*" }];
    if (operation === "CreateBucket") return creating(input, Bucket);
    // Every key is asked for by itself in the handler, and denied by itself.
    if (operation === "DeleteObjects") return [];
    const bucket = await s3.find(reader, Bucket);
    const share = bucket ? shareOf(bucket, facts) : {};
    const context = contextOf(operation, input, facts);
    if (Key !== undefined && bucket && BY_TAGS.test(operation))
      for (const tag of tagsOf(await objectTags(reader, Bucket, Buffer.from(Key))))
        context[`s3:existingobjecttag/${tag.Key.toLowerCase()}`] = tag.Value;
    const resource = Key === undefined ? bucketArn(Bucket) : objectArn(Bucket, Key);
    const one = (action: string): Access => ({ action: `s3:${action}`, resource, ...share, context });
    const needed = [one(actionOf(operation, input.VersionId))];
    if (operation === "GetObjectAttributes") needed.push(one(actionOf("GetObject", input.VersionId)));
    if (typeof input.Tagging === "string" && input.Tagging !== "") needed.push(one("PutObjectTagging"));
    if (input.CopySource !== undefined) needed.push(await reading(s3, input.CopySource, facts, reader, context));
    return needed;
  };
}

function actionOf(operation: string, version: string | undefined): string {
  const action = ACTIONS[operation] ?? operation;
  return (version === undefined ? undefined : VERSIONED[action]) ?? action;
}

function creating(input: Input, bucket: string): readonly Access[] {
  const configuration = input["CreateBucketConfiguration"] as
    | { readonly LocationConstraint?: string; readonly Tags?: readonly unknown[] }
    | undefined;
  const context = { "s3:locationconstraint": configuration?.LocationConstraint ?? "us-east-1" };
  const one = (action: string): Access => ({ action, resource: bucketArn(bucket), context });
  return [one("s3:CreateBucket"), ...(configuration?.Tags?.length ? [one("s3:TagResource")] : [])];
}

async function reading(
  s3: S3,
  source: string,
  facts: CallFacts,
  reader: Reader,
  context: Record<string, string | readonly string[]>,
): Promise<Access> {
  const { bucket: name, key, version } = copySource(source);
  const bucket = await s3.find(reader, name);
  const own = { ...context };
  if (bucket)
    for (const tag of tagsOf(await objectTags(reader, name, Buffer.from(key))))
      own[`s3:existingobjecttag/${tag.Key.toLowerCase()}`] = tag.Value;
  return {
    action: `s3:${actionOf("GetObject", version)}`,
    resource: objectArn(name, key),
    ...(bucket ? shareOf(bucket, facts) : {}),
    context: own,
  };
}

/** Members of the input that are condition keys as they are. */
const KEYS: readonly (readonly [member: string, key: string])[] = [
  ["Prefix", "s3:prefix"],
  ["Delimiter", "s3:delimiter"],
  ["MaxKeys", "s3:max-keys"],
  ["ACL", "s3:x-amz-acl"],
  ["StorageClass", "s3:x-amz-storage-class"],
  ["ServerSideEncryption", "s3:x-amz-server-side-encryption"],
  ["CopySource", "s3:x-amz-copy-source"],
  ["MetadataDirective", "s3:x-amz-metadata-directive"],
  ["VersionId", "s3:versionid"],
  ["IfMatch", "s3:if-match"],
  ["IfNoneMatch", "s3:if-none-match"],
];

function contextOf(operation: string, input: Input, facts: CallFacts): Record<string, string | readonly string[]> {
  const context: Record<string, string | readonly string[]> = {};
  for (const [member, key] of KEYS) {
    const value = input[member];
    if (typeof value === "string" || typeof value === "number") context[key] = String(value);
  }
  if (operation.startsWith("ListObject")) context["s3:prefix"] ??= "";
  if (facts.source.signature !== "none") {
    context["s3:authtype"] = facts.source.signature === "QueryString" ? "REST-QUERY-STRING" : "REST-HEADER";
    context["s3:signatureversion"] = "AWS4-HMAC-SHA256";
  }
  const tags = requestTags(input.Tagging);
  for (const [name, value] of tags) context[`s3:requestobjecttag/${name.toLowerCase()}`] = value;
  if (tags.length > 0) context["s3:requestobjecttagkeys"] = tags.map(([name]) => name);
  return context;
}
function requestTags(tagging: unknown): readonly (readonly [string, string])[] {
  if (typeof tagging === "string") return [...new URLSearchParams(tagging)];
  const set = (tagging as { readonly TagSet?: readonly { Key?: string; Value?: string }[] } | undefined)?.TagSet;
  return (set ?? []).map(({ Key = "", Value = "" }) => [Key, Value]);
}
