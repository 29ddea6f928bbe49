/** How the records of S3 show a request and its answer: by the names of its headers and query parameters. Pure. */
import type { FinishedCall } from "../flow.ts";
import { within } from "./members.ts";

/** Input members and what records call them: names of headers and of query parameters, nothing secret. */
const NAMES: Readonly<Record<string, string>> = {
  ACL: "x-amz-acl",
  StorageClass: "x-amz-storage-class",
  CopySource: "x-amz-copy-source",
  CopySourceRange: "x-amz-copy-source-range",
  CopySourceIfMatch: "x-amz-copy-source-if-match",
  CopySourceIfNoneMatch: "x-amz-copy-source-if-none-match",
  MetadataDirective: "x-amz-metadata-directive",
  TaggingDirective: "x-amz-tagging-directive",
  Tagging: "x-amz-tagging",
  ServerSideEncryption: "x-amz-server-side-encryption",
  SSEKMSKeyId: "x-amz-server-side-encryption-aws-kms-key-id",
  BucketKeyEnabled: "x-amz-server-side-encryption-bucket-key-enabled",
  SSECustomerAlgorithm: "x-amz-server-side-encryption-customer-algorithm",
  GrantFullControl: "x-amz-grant-full-control",
  GrantRead: "x-amz-grant-read",
  GrantReadACP: "x-amz-grant-read-acp",
  GrantWrite: "x-amz-grant-write",
  GrantWriteACP: "x-amz-grant-write-acp",
  ObjectOwnership: "x-amz-object-ownership",
  ObjectLockEnabledForBucket: "x-amz-bucket-object-lock-enabled",
  ObjectLockMode: "x-amz-object-lock-mode",
  ObjectLockLegalHoldStatus: "x-amz-object-lock-legal-hold",
  WebsiteRedirectLocation: "x-amz-website-redirect-location",
  RequestPayer: "x-amz-request-payer",
  ExpectedBucketOwner: "x-amz-expected-bucket-owner",
  BypassGovernanceRetention: "x-amz-bypass-governance-retention",
  VersionId: "versionId",
  UploadId: "uploadId",
  PartNumber: "partNumber",
  Prefix: "prefix",
  Delimiter: "delimiter",
  Marker: "marker",
  MaxKeys: "max-keys",
  EncodingType: "encoding-type",
  StartAfter: "start-after",
  ContinuationToken: "continuation-token",
  FetchOwner: "fetch-owner",
  KeyMarker: "key-marker",
  VersionIdMarker: "version-id-marker",
  UploadIdMarker: "upload-id-marker",
  MaxUploads: "max-uploads",
  MaxParts: "max-parts",
  PartNumberMarker: "part-number-marker",
  ResponseContentType: "response-content-type",
  ResponseContentDisposition: "response-content-disposition",
};

/** The query parameter that tells a subresource's operations apart, by what follows Get, Put or Delete in their names. */
const SUBRESOURCES: readonly (readonly [RegExp, string, string?])[] = [
  [/Acl$/, "acl"],
  [/PolicyStatus$/, "policyStatus"],
  [/Policy$/, "policy"],
  [/Versioning$/, "versioning"],
  [/Tagging$/, "tagging"],
  [/Location$/, "location"],
  [/NotificationConfiguration$/, "notification"],
  [/LifecycleConfiguration$|BucketLifecycle$/, "lifecycle"],
  [/Cors$/, "cors"],
  [/Encryption$/, "encryption"],
  [/Website$/, "website"],
  [/Logging$/, "logging"],
  [/Replication$/, "replication"],
  [/OwnershipControls$/, "ownershipControls"],
  [/PublicAccessBlock$/, "publicAccessBlock"],
  [/RequestPayment$/, "requestPayment"],
  [/AccelerateConfiguration$/, "accelerate"],
  [/ObjectLockConfiguration$/, "object-lock"],
  [/Retention$/, "retention"],
  [/LegalHold$/, "legal-hold"],
  [/^ObjectAttributes$|GetObjectAttributes$/, "attributes"],
  [/^DeleteObjects$/, "delete"],
  [/^CreateMultipartUpload$|^ListMultipartUploads$/, "uploads"],
  [/^ListObjectVersions$/, "versions"],
  [/^ListObjectsV2$/, "list-type", "2"],
];
const subresources = new Map<string, readonly [string, string] | undefined>();
function subresourceOf(operation: string): readonly [string, string] | undefined {
  if (subresources.has(operation)) return subresources.get(operation);
  const found = SUBRESOURCES.find(([pattern]) => pattern.test(operation));
  const entry = found ? ([found[1], found[2] ?? ""] as const) : undefined;
  if (subresources.size < 500) subresources.set(operation, entry);
  return entry;
}

/** The parts of a presigned request's query that records show; its signature, credential and token are secret. */
const SIGNED_QUERY = ["X-Amz-Date", "X-Amz-Algorithm", "X-Amz-SignedHeaders", "X-Amz-Expires", "X-Amz-Content-Sha256"];

export function objectParameters(call: FinishedCall): Readonly<Record<string, unknown>> {
  const parameters: Record<string, unknown> = {};
  const { signedQuery } = call.source;
  if (signedQuery)
    for (const name of SIGNED_QUERY) {
      const value = signedQuery[name];
      if (value !== undefined) parameters[name] = value;
    }
  const input = (call.input ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof input["Bucket"] === "string") parameters["bucketName"] = input["Bucket"];
  parameters["Host"] = call.source.host;
  if (typeof input["Key"] === "string") parameters["key"] = input["Key"];
  const subresource = subresourceOf(call.operation);
  if (subresource) parameters[subresource[0]] = subresource[1];
  for (const member in input) addMember(parameters, member, input[member]);
  return parameters;
}

function addMember(parameters: Record<string, unknown>, member: string, value: unknown): void {
  if (value === undefined || value === null) return;
  if (typeof value === "object") {
    if (value instanceof Date || value instanceof Uint8Array || Symbol.asyncIterator in value) return;
    // The XML documents of bucket configuration; lists of keys (`Delete`, `MultipartUpload`) are not recorded.
    if (/(?:Configuration|Controls|AccessControlPolicy|Tagging|Payment|Status)$/.test(member))
      parameters[member] = within(value, "requestParameters");
    return;
  }
  const name = NAMES[member];
  if (member === "Policy" && typeof value === "string") parameters["bucketPolicy"] = policyDocument(value);
  else if (name !== undefined) parameters[name] = headerText(value);
}

/** Headers and query parameters are text, also those that the SDK shows as numbers and flags. */
function headerText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function policyDocument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Output members and the headers that records show of them. */
const ANSWERS: Readonly<Record<string, string>> = {
  ServerSideEncryption: "x-amz-server-side-encryption",
  SSEKMSKeyId: "x-amz-server-side-encryption-aws-kms-key-id",
  BucketKeyEnabled: "x-amz-server-side-encryption-bucket-key-enabled",
  VersionId: "x-amz-version-id",
  Expiration: "x-amz-expiration",
  DeleteMarker: "x-amz-delete-marker",
  CopySourceVersionId: "x-amz-copy-source-version-id",
  RequestCharged: "x-amz-request-charged",
  UploadId: "uploadId",
};

/** `responseElements` of an S3 write: what its answer's headers said, or null. */
export function objectAnswer(call: FinishedCall): Readonly<Record<string, unknown>> | null {
  if (call.readOnly || call.error || call.output === null || typeof call.output !== "object") return null;
  const output = call.output as Readonly<Record<string, unknown>>;
  let answer: Record<string, unknown> | null = null;
  for (const member in ANSWERS) {
    const value = output[member];
    const name = ANSWERS[member];
    if (value === undefined || value === null || value === false || name === undefined) continue;
    answer ??= {};
    answer[name] = headerText(value);
  }
  return answer;
}

/** `additionalEventData` of an S3 record. `x-amz-id-2` is what the service told the client, or stands for it. */
export function objectExtras(call: FinishedCall): Readonly<Record<string, unknown>> {
  const extras: Record<string, unknown> = {};
  if (call.source.signature !== "none") extras["SignatureVersion"] = "SigV4";
  extras["bytesTransferredIn"] = call.source.bytesIn;
  const applied = encryptionApplied(call);
  if (applied !== undefined) extras["SSEApplied"] = applied;
  if (call.source.signature !== "none") extras["AuthenticationMethod"] = call.source.signature;
  extras["x-amz-id-2"] = Buffer.from(`${call.requestId}.${call.trace}.${call.requestId}`).toString("base64");
  extras["bytesTransferredOut"] = 0;
  return call.additional ? Object.assign(extras, call.additional) : extras;
}

function encryptionApplied(call: FinishedCall): string | undefined {
  if (call.error || call.output === null || typeof call.output !== "object") return undefined;
  const kind = (call.output as Readonly<Record<string, unknown>>)["ServerSideEncryption"];
  if (kind === undefined || kind === null) return undefined;
  const asked = (call.input as Readonly<Record<string, unknown>> | undefined)?.["ServerSideEncryption"];
  const name = kind === "aws:kms" ? "SSE_KMS" : kind === "aws:kms:dsse" ? "DSSE_KMS" : "SSE_S3";
  return asked === undefined ? `Default_${name}` : name;
}
