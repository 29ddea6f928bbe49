/** A finished call as CloudTrail tells it: the one place where a record's shape is known. Pure. */
import { isoSeconds, type FinishedCall, type TrailRecord } from "../flow.ts";
import { dataArnOf, dataTypeOf, eventNameOf, S3_OBJECT } from "./classes.ts";
import { identityOf, invokingService } from "./identity.ts";
import { membersOf } from "./members.ts";
import { objectAnswer, objectExtras, objectParameters } from "./objects.ts";

export type RecordIds = {
  readonly eventId: string;
  /** The account that receives the record. */
  readonly recipient: string;
  /** Names the call in the records of several accounts. */
  readonly sharedEventId?: string;
};

/** What CloudTrail says of a finished call, field by field as AWS says it today (eventVersion 1.11). */
export function recordOf(call: FinishedCall, ids: RecordIds): TrailRecord {
  const isS3 = call.eventSource === "s3.amazonaws.com";
  const dataType = dataTypeOf(call.eventSource, call.operation);
  const service = invokingService(call.principal);
  const record: Record<string, unknown> = {
    eventVersion: "1.11",
    userIdentity: identityOf(call.principal, ids.recipient),
    eventTime: isoSeconds(call.at),
    eventSource: call.eventSource,
    eventName: eventNameOf(call),
    awsRegion: call.region,
    sourceIPAddress: service ?? call.source.ip,
    userAgent: service ?? (isS3 ? `[${call.source.userAgent}]` : call.source.userAgent),
  };
  if (call.error) {
    record["errorCode"] = call.error.code;
    record["errorMessage"] = call.error.message;
  }
  if (isS3) {
    record["requestParameters"] = objectParameters(call);
    record["responseElements"] = objectAnswer(call);
    record["additionalEventData"] = objectExtras(call);
  } else {
    record["requestParameters"] = membersOf(call.input, call.eventSource, "requestParameters") ?? null;
    record["responseElements"] = answersOf(call);
    if (call.additional) record["additionalEventData"] = call.additional;
  }
  record["requestID"] = call.requestId;
  record["eventID"] = ids.eventId;
  record["readOnly"] = call.readOnly;
  const resources = resourcesOf(call, dataType);
  if (resources.length > 0) record["resources"] = resources;
  record["eventType"] = "AwsApiCall";
  record["managementEvent"] = dataType === undefined;
  record["recipientAccountId"] = ids.recipient;
  if (ids.sharedEventId !== undefined) record["sharedEventID"] = ids.sharedEventId;
  record["eventCategory"] = dataType === undefined ? "Management" : "Data";
  return record as TrailRecord;
}

/** Null for reads and for failures; a session that STS hands out is shown although AWS counts it among the reads. */
function answersOf(call: FinishedCall): unknown {
  const isSession = call.eventSource === "sts.amazonaws.com" && /^AssumeRole|Token$/.test(call.operation);
  if (call.error || (call.readOnly && !isSession)) return null;
  return membersOf(call.output, call.eventSource, "responseElements") ?? null;
}

function resourcesOf(call: FinishedCall, dataType: string | undefined): Readonly<Record<string, unknown>>[] {
  const resources: Record<string, unknown>[] = [];
  // Calls on many objects name none of them: "ARNPrefix" stands for them.
  if (dataType === S3_OBJECT && !call.resources.some((resource) => resource.type === S3_OBJECT))
    resources.push({ type: S3_OBJECT, ARNPrefix: dataArnOf(call, S3_OBJECT) });
  for (const { type, arn, account } of call.resources)
    resources.push(
      type === S3_OBJECT || account === undefined ? { type, ARN: arn } : { accountId: account, type, ARN: arn },
    );
  return resources;
}

/** The accounts that receive a record: the caller's, and those whose resources the call touched. */
export function recipientsOf(call: FinishedCall): readonly string[] {
  const recipients: string[] = call.account === "" ? [] : [call.account];
  for (const { account } of call.resources)
    if (account !== undefined && account !== "" && !recipients.includes(account)) recipients.push(account);
  return recipients;
}

/**
 * An event ID of a moment: a UUID whose first 48 bits are its milliseconds (version 7). Clients see an opaque UUID;
 * to the tables it is the order of time and the primary key at once.
 */
export function eventIdAt(ms: number, uuid: string): string {
  const time = ms.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${uuid.slice(15)}`;
}

/** The smallest event ID of a moment, for ranges of time. */
export function firstIdAt(ms: number): string {
  return eventIdAt(Math.max(0, Math.min(ms, 2 ** 48 - 1)), "00000000-0000-4000-8000-000000000000");
}

/** The moment that an event ID names; undefined if it is none of ours. */
export function momentOf(eventId: string): number | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(eventId)) return undefined;
  return Number.parseInt(eventId.slice(0, 8) + eventId.slice(9, 13), 16);
}
