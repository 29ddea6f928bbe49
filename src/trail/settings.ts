/** The members of CreateTrail and UpdateTrail: what is taken, what is refused, and how a trail is shown. Pure. */
import type { CreateTrailRequest, Tag, Trail as ShownTrail, UpdateTrailRequest } from "@aws-sdk/client-cloudtrail";
import { fault } from "../wire/fault.ts";
import { checkBucketName, checkPrefix, TAGS_PER_TRAIL, trailArn, type Settings, type Trail } from "./trails.ts";

type Wishes = Omit<CreateTrailRequest, "Name" | "S3BucketName" | "TagsList"> & {
  readonly S3BucketName?: string | undefined;
};

/** Refuses what a trail here cannot do, by the name of the member that asks for it: nothing is accepted and then dropped. */
function refuseUnsupported(request: Omit<UpdateTrailRequest, "Name">): void {
  const refuse = (member: string, sentence: string): never => {
    throw fault("UnsupportedOperationException", `${member} is not supported: ${sentence}`);
  };
  if (request.EnableLogFileValidation) refuse("EnableLogFileValidation", "this server writes no digest files.");
  if (request.IsOrganizationTrail) refuse("IsOrganizationTrail", "this server has no organizations.");
  if (request.SnsTopicName) refuse("SnsTopicName", "this server sends no notices of log files.");
  if (request.CloudWatchLogsLogGroupArn) refuse("CloudWatchLogsLogGroupArn", "events are not sent to CloudWatch Logs.");
  if (request.CloudWatchLogsRoleArn) refuse("CloudWatchLogsRoleArn", "events are not sent to CloudWatch Logs.");
  if (request.KmsKeyId) refuse("KmsKeyId", "log files are not encrypted with keys of KMS.");
  if (request.RecursiveLogging)
    refuse("RecursiveLogging", "CloudTrail's own deliveries of log files are never recorded.");
}

/** Settings as a request wants them, over those that a trail has. Throws AWS's faults. */
export function settingsWith(request: Wishes, before: Settings): Settings {
  refuseUnsupported(request);
  const bucket = request.S3BucketName ?? before.bucket;
  checkBucketName(bucket);
  const prefix = request.S3KeyPrefix ?? before.prefix ?? "";
  checkPrefix(prefix);
  const multiRegion = request.IsMultiRegionTrail ?? before.multiRegion;
  const globalEvents = request.IncludeGlobalServiceEvents ?? before.globalEvents;
  if (multiRegion && !globalEvents)
    throw fault("InvalidParameterCombinationException", "Multi-Region trail must include global service events.");
  const { prefix: _, ...rest } = before;
  return { ...rest, bucket, multiRegion, globalEvents, ...(prefix === "" ? {} : { prefix }) };
}

/** A trail as GetTrail and DescribeTrails show it. */
export function shown(trail: Trail): ShownTrail {
  return {
    ...answered(trail),
    HomeRegion: trail.region,
    HasCustomEventSelectors: trail.settings.selectors !== undefined,
    HasInsightSelectors: false,
  };
}

/** A trail as CreateTrail and UpdateTrail answer it. */
export function answered(trail: Trail) {
  const { bucket, prefix, globalEvents, multiRegion } = trail.settings;
  return {
    Name: trail.name,
    S3BucketName: bucket,
    ...(prefix === undefined ? {} : { S3KeyPrefix: prefix }),
    IncludeGlobalServiceEvents: globalEvents,
    IsMultiRegionTrail: multiRegion,
    TrailARN: trailArn(trail),
    LogFileValidationEnabled: false,
    IsOrganizationTrail: false,
    RecursiveLogging: false,
  };
}

/** Tags with more tags; throws InvalidTagParameterException and TagsLimitExceededException. */
export function tagsWith(
  before: Readonly<Record<string, string>>,
  more: readonly Tag[],
): Readonly<Record<string, string>> {
  const tags: Record<string, string> = { ...before };
  for (const { Key: key, Value: value } of more) {
    if (key === undefined || key === "" || key.length > 128 || key.startsWith("aws:"))
      throw fault("InvalidTagParameterException", `The tag key ${key ?? ""} is not valid.`);
    if ((value ?? "").length > 256)
      throw fault("InvalidTagParameterException", `The value of tag ${key} is longer than 256 characters.`);
    tags[key] = value ?? "";
  }
  if (Object.keys(tags).length > TAGS_PER_TRAIL)
    throw fault("TagsLimitExceededException", `A trail can have up to ${TAGS_PER_TRAIL} tags.`);
  return tags;
}
