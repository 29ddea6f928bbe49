/** A trail and its storage bucket: what CreateTrail and UpdateTrail try before they accept it. */
import type { Call, Parts } from "../flow.ts";
import { AwsFault, fault } from "../wire/fault.ts";
import { S3_OBJECT } from "./classes.ts";
import { Selection } from "./selectors.ts";
import { logFolder, SERVICE, trailArn, type Trail } from "./trails.ts";

/**
 * Tries what the delivery of log files will do, as CloudTrail itself: reads the bucket's ACL and writes the empty
 * object that marks the folder of the log files. The bucket's policy decides, with the trail's ARN as aws:SourceArn.
 */
export async function probeStorage(call: Call, trail: Trail): Promise<void> {
  const { bucket, prefix } = trail.settings;
  const ask = (operation: string, input: unknown): Promise<unknown> =>
    call.call({
      service: "s3",
      operation,
      input,
      as: { kind: "service", service: SERVICE, sourceArn: trailArn(trail), account: trail.account },
      trace: call.trace,
      region: trail.region,
    });
  try {
    await ask("GetBucketAcl", { Bucket: bucket });
    await ask("PutObject", {
      Bucket: bucket,
      Key: logFolder(prefix, trail.account),
      Body: Buffer.alloc(0),
      ACL: "bucket-owner-full-control",
    });
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error;
    if (error.code === "NoSuchBucket" || (error.code === "AccessDenied" && (await isMissing(call, bucket))))
      throw fault("S3BucketDoesNotExistException", `S3 bucket ${bucket} does not exist!`);
    if (error.code === "AccessDenied")
      throw fault(
        "InsufficientS3BucketPolicyException",
        `Incorrect S3 bucket policy is detected for bucket: ${bucket}`,
      );
    throw error;
  }
}

/** A bucket that does not exist has no policy that would let CloudTrail see so; the caller, asking for a trail in it, may. */
async function isMissing(call: Call, bucket: string): Promise<boolean> {
  try {
    await call.call({
      service: "s3",
      operation: "HeadBucket",
      input: { Bucket: bucket },
      as: { kind: "principal", principal: call.principal },
      trace: call.trace,
      region: call.region,
    });
    return false;
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error;
    return error.code === "NoSuchBucket" || error.code === "NotFound";
  }
}

/** A trail that records its own storage bucket would record its own deliveries; they are left out, and the operator hears of it. */
export function warnOfLoop(parts: Parts, trail: Trail): void {
  const { bucket, prefix } = trail.settings;
  const facts = {
    category: "Data",
    readOnly: false,
    eventSource: "s3.amazonaws.com",
    eventName: "PutObject",
    type: S3_OBJECT,
    arn: `arn:aws:s3:::${bucket}/${logFolder(prefix, trail.account)}`,
    userArn: "",
    errorCode: "",
  } as const;
  if (new Selection([{ ...trail, logging: true }], trail.region).select(facts, bucket).length === 0) return;
  parts.log("warn", "a trail records its own storage bucket; CloudTrail's deliveries to it are not recorded", {
    trail: trailArn(trail),
    bucket,
  });
}
