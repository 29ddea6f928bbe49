/** S3: buckets, objects, multipart uploads. */
import type * as Sdk from "@aws-sdk/client-s3";
import type { Parts } from "../flow.ts";
import type { Room } from "../room.ts";
import { defineService, type ServiceDefinition } from "../wire/service.ts";
import { accessFor } from "./access.ts";
import { bucketHandlers } from "./buckets.ts";
import { completionHandlers, FORGET, forgetUpload } from "./completion.ts";
import { S3 } from "./context.ts";
import { deletingHandlers } from "./deleting.ts";
import { COLLECT, collector, collectOrphans } from "./garbage.ts";
import { listingHandlers } from "./listing.ts";
import { bucketArn, copySource, objectArn } from "./names.ts";
import { readingHandlers } from "./reading.ts";
import { settingHandlers } from "./settings.ts";
import { uploadListHandlers } from "./upload-lists.ts";
import { uploadHandlers } from "./uploads.ts";
import { writingHandlers } from "./writing.ts";

export function s3Room(parts: Parts): Room {
  const s3 = new S3(parts);
  parts.relay.effect(COLLECT, collector(s3), { concurrency: 4 });
  parts.relay.pure(FORGET, forgetUpload);
  const service = defineService<typeof Sdk>({
    name: "s3",
    model: "s3",
    eventSource: "s3.amazonaws.com",
    handlers: {
      ...bucketHandlers(s3),
      ...settingHandlers(s3),
      ...writingHandlers(s3),
      ...readingHandlers(s3),
      ...deletingHandlers(s3),
      ...listingHandlers(s3),
      ...uploadHandlers(s3),
      ...completionHandlers(s3),
      ...uploadListHandlers(s3),
    },
    access: accessFor(s3),
    concurrent: [
      "PutObject",
      "CopyObject",
      "DeleteObject",
      "DeleteObjects",
      "PutObjectTagging",
      "DeleteObjectTagging",
      "CreateMultipartUpload",
      "UploadPart",
      "UploadPartCopy",
      "CompleteMultipartUpload",
      "AbortMultipartUpload",
    ],
    resources: resourcesFor(s3),
  });
  let collecting: Promise<void> | undefined;
  return {
    services: [service],
    async start() {
      // Beside the requests: nobody waits for it.
      collecting = collectOrphans(s3).then(
        (removed) => void (removed > 0 && parts.log("info", "removed blobs that no object names", { removed })),
        (error: unknown) => parts.log("warn", "orphaned blobs could not be collected", { error: String(error) }),
      );
    },
    async stop() {
      await collecting;
      await s3.hashing.stop();
    },
  };
}

type Touching = {
  readonly Bucket?: string;
  readonly Key?: string;
  readonly CopySource?: string;
  readonly Delete?: { readonly Objects?: readonly { readonly Key?: string }[] };
};

/** The objects a call is about, then the bucket; a copy adds its source last. */
function resourcesFor(s3: S3): NonNullable<ServiceDefinition["resources"]> {
  return (_operation, input: Touching, _output, facts) => {
    const { Bucket, Key, CopySource, Delete } = input;
    if (Bucket === undefined) return [];
    const object = (bucket: string, key: string) => ({ type: "AWS::S3::Object", arn: objectArn(bucket, key) });
    const keys = Key === undefined ? (Delete?.Objects ?? []).flatMap((one) => one.Key ?? []) : [Key];
    return [
      ...keys.map((key) => object(Bucket, key)),
      { type: "AWS::S3::Bucket", arn: bucketArn(Bucket), account: s3.ownerOf(Bucket) ?? facts.account },
      ...(CopySource === undefined ? [] : sourceObject(CopySource).map(([bucket, key]) => object(bucket, key))),
    ];
  };
}
/** Nothing if the source is not well-formed: the call fails by itself, and its record is written all the same. */
function sourceObject(source: string): [string, string][] {
  try {
    const { bucket, key } = copySource(source);
    return [[bucket, key]];
  } catch {
    return [];
  }
}
