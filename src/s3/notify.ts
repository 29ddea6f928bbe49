import { defaultBus, isoSeconds, type Call, type Event, type Routed } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import type { Bucket, S3 } from "./context.ts";
import { bucketArn } from "./names.ts";

/** What happened to an object, as EventBridge is told. */
export type Happening = {
  readonly type: "Object Created" | "Object Deleted" | "Object Tags Added" | "Object Tags Deleted";
  readonly key: string;
  readonly size?: number;
  readonly etag: string;
  readonly sequence: number;
  readonly reason?: "PutObject" | "CopyObject" | "CompleteMultipartUpload" | "DeleteObject";
  readonly deletion?: "Permanently Deleted";
};

/** Puts an event on the default bus of the bucket's owner, in the same commit, if the bucket's notifications say so. */
export async function announce(
  s3: S3,
  transaction: Transaction,
  call: Call,
  bucket: Bucket,
  what: Happening,
): Promise<void> {
  if (!bucket.notifies) return;
  const now = s3.parts.clock.now();
  const event: Event = {
    version: "0",
    id: s3.parts.clock.uuid(),
    "detail-type": what.type,
    source: "aws.s3",
    account: bucket.account,
    time: isoSeconds(now),
    region: bucket.region,
    resources: [bucketArn(bucket.name)],
    detail: detailOf(call, bucket, what),
  };
  const routed: Routed = { event, bus: defaultBus(bucket.account, bucket.region), ingestedAt: now };
  s3.parts.tell(transaction, call.trace, {
    hop: "event",
    at: now,
    subject: `${what.type} s3://${bucket.name}/${what.key}`,
    outcome: "ok",
  });
  await s3.parts.relay.append(transaction, { kind: "event", key: event.id, trace: call.trace, body: routed });
}

function detailOf(call: Call, bucket: Bucket, what: Happening): Event["detail"] {
  return {
    version: "0",
    bucket: { name: bucket.name },
    object: {
      key: what.key,
      ...(what.size === undefined ? {} : { size: what.size }),
      ...(what.type === "Object Deleted" ? {} : { etag: what.etag }),
      sequencer: what.sequence.toString(16).toUpperCase().padStart(18, "0"),
    },
    "request-id": call.requestId,
    requester: call.principal.kind === "service" ? call.principal.service : call.principal.account,
    "source-ip-address": call.source.ip,
    ...(what.reason === undefined ? {} : { reason: what.reason }),
    ...(what.deletion === undefined ? {} : { "deletion-type": what.deletion }),
  };
}
