/** Which calls are data events, and of what resource. Everything else is a management event. Pure. */
import type { FinishedCall } from "../flow.ts";

export const S3_OBJECT = "AWS::S3::Object";

const S3_DATA = new Set([
  "GetObject",
  "HeadObject",
  "PutObject",
  "DeleteObject",
  "DeleteObjects",
  "CopyObject",
  "CreateMultipartUpload",
  "UploadPart",
  "UploadPartCopy",
  "CompleteMultipartUpload",
  "AbortMultipartUpload",
  "ListParts",
  "GetObjectAcl",
  "PutObjectAcl",
  "GetObjectTagging",
  "PutObjectTagging",
  "DeleteObjectTagging",
  "GetObjectRetention",
  "PutObjectRetention",
  "GetObjectLegalHold",
  "PutObjectLegalHold",
  "GetObjectAttributes",
  "GetObjectTorrent",
  "RestoreObject",
  "SelectObjectContent",
  "RenameObject",
  "ListObjects",
  "ListObjectsV2",
  "ListObjectVersions",
  "ListMultipartUploads",
  "HeadBucket",
]);
const DATA_TYPES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "lambda.amazonaws.com": both("AWS::Lambda::Function", ["Invoke", "InvokeAsync", "InvokeWithResponseStream"]),
  "events.amazonaws.com": both("AWS::Events::EventBus", ["PutEvents"]),
  "dynamodb.amazonaws.com": both("AWS::DynamoDB::Table", [
    "GetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactGetItems",
    "TransactWriteItems",
    "Query",
    "Scan",
    "ExecuteStatement",
    "BatchExecuteStatement",
    "ExecuteTransaction",
  ]),
  "sqs.amazonaws.com": both("AWS::SQS::Queue", [
    "SendMessage",
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
  ]),
  "sns.amazonaws.com": both("AWS::SNS::Topic", ["Publish", "PublishBatch"]),
};
function both(type: string, operations: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(operations.map((operation) => [operation, type]));
}

/** The resource type of a data event; undefined for a management event. */
export function dataTypeOf(eventSource: string, operation: string): string | undefined {
  if (eventSource === "s3.amazonaws.com") return S3_DATA.has(operation) ? S3_OBJECT : undefined;
  return DATA_TYPES[eventSource]?.[operation];
}

/** What the records of S3 call an operation, where it is not what the SDK calls it. */
const S3_EVENT_NAMES: Readonly<Record<string, string>> = {
  ListObjectsV2: "ListObjects",
  PutBucketNotificationConfiguration: "PutBucketNotification",
  GetBucketNotificationConfiguration: "GetBucketNotification",
  PutBucketLifecycleConfiguration: "PutBucketLifecycle",
  GetBucketLifecycleConfiguration: "GetBucketLifecycle",
  PutPublicAccessBlock: "PutBucketPublicAccessBlock",
  GetPublicAccessBlock: "GetBucketPublicAccessBlock",
  DeletePublicAccessBlock: "DeleteBucketPublicAccessBlock",
  GetObjectLockConfiguration: "GetBucketObjectLockConfiguration",
  PutObjectLockConfiguration: "PutBucketObjectLockConfiguration",
};

export function eventNameOf(call: FinishedCall): string {
  return call.service === "s3" ? (S3_EVENT_NAMES[call.operation] ?? call.operation) : call.operation;
}

/** Text members of an input, whatever it is. */
export function textOf(input: unknown, name: string): string | undefined {
  if (input === null || typeof input !== "object") return undefined;
  const value = (input as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" ? value : undefined;
}

/** The ARN that selectors compare: the object's, or for calls on many objects the bucket's with `/` and their prefix. */
export function dataArnOf(call: FinishedCall, type: string): string {
  if (type === S3_OBJECT) {
    const bucket = textOf(call.input, "Bucket") ?? "";
    return `arn:aws:s3:::${bucket}/${textOf(call.input, "Key") ?? textOf(call.input, "Prefix") ?? ""}`;
  }
  return call.resources.find((resource) => resource.type === type)?.arn ?? call.resources[0]?.arn ?? "";
}

/**
 * What CloudTrail does not record: the log files that it writes itself. AWS calls this `RecursiveLogging: false`. A record
 * of a delivery would be delivered, and recorded, without end; Stepwell leaves it out of log files and of events.
 */
export function isOwnDelivery(call: FinishedCall): boolean {
  const { principal } = call;
  return (
    principal.kind === "service" &&
    principal.service === "cloudtrail.amazonaws.com" &&
    call.eventSource === "s3.amazonaws.com" &&
    call.operation === "PutObject"
  );
}
