/**
 * The optimised integrations, one row each: what a Task may ask for, in which patterns, what becomes of its parameters
 * and of the answer, and how its errors are named. `states:startExecution` and `http:invoke` have ways of their own.
 */
import type { Clock } from "../../clock/clock.ts";
import { isObject, parseJson } from "../asl/json.ts";
import { TaskFailed } from "./failure.ts";
import { invokeInput, invokeResult } from "./lambda.ts";
import { withMetadata, type Answered } from "./metadata.ts";

export type Pattern = "" | "sync" | "sync:2" | "waitForTaskToken";

export type Parameters = Readonly<Record<string, unknown>>;
/** Who asks: some integrations put it into the request. */
export type Asking = { readonly executionArn: string; readonly machineArn: string };

export type Integration = {
  /** `lambda:invoke` */
  readonly resource: string;
  readonly patterns: readonly Pattern[];
  /** Stepwell's service, the file in model/, the operation. */
  readonly service: string;
  readonly model: string;
  readonly operation: string;
  /** What Parameters may have, if that is not all of the operation's input. */
  readonly allowed?: readonly string[];
  readonly required: readonly string[];
  /** `Lambda.ResourceNotFoundException`, `(Service: AWSLambda; …)` */
  readonly errors: { readonly prefix: string; readonly service: string };
  /** The operation's input; `lossless` are the same parameters with their numbers as they were written. */
  readonly request?: (given: Parameters, lossless: Parameters, asking: Asking) => Parameters;
  readonly result?: (output: Parameters, clock: Clock) => unknown;
};

const CALLBACK: readonly Pattern[] = ["", "waitForTaskToken"];
const JSON_10 = { contentType: "application/x-amz-json-1.0" };

function dynamodb(action: string, required: readonly string[]): Integration {
  return {
    resource: `dynamodb:${action}`,
    patterns: [""],
    service: "dynamodb",
    model: "dynamodb",
    operation: action.charAt(0).toUpperCase() + action.slice(1),
    required: ["TableName", ...required],
    errors: { prefix: "DynamoDB", service: "AmazonDynamoDBv2" },
    result: answered({ ...JSON_10, connection: "Connection", headers: { Server: "Server" } }),
  };
}

const ROWS: readonly Integration[] = [
  {
    resource: "events:putEvents",
    patterns: CALLBACK,
    service: "events",
    model: "eventbridge",
    operation: "PutEvents",
    required: ["Entries"],
    errors: { prefix: "EventBridge", service: "AmazonEventBridge" },
    request: putEventsInput,
    result: putEventsResult,
  },
  {
    resource: "lambda:invoke",
    patterns: CALLBACK,
    service: "lambda",
    model: "lambda",
    operation: "Invoke",
    allowed: ["ClientContext", "FunctionName", "InvocationType", "LogType", "Payload", "Qualifier"],
    required: ["FunctionName"],
    errors: { prefix: "Lambda", service: "AWSLambda" },
    request: invokeInput,
    result: invokeResult,
  },
  {
    resource: "sqs:sendMessage",
    patterns: CALLBACK,
    service: "sqs",
    model: "sqs",
    operation: "SendMessage",
    allowed: [
      "DelaySeconds",
      "MessageAttributes",
      "MessageBody",
      "MessageDeduplicationId",
      "MessageGroupId",
      "QueueUrl",
    ],
    required: ["MessageBody", "QueueUrl"],
    errors: { prefix: "SQS", service: "AmazonSQS" },
    request: sendMessageInput,
    result: answered(JSON_10),
  },
  {
    resource: "sns:publish",
    patterns: CALLBACK,
    service: "sns",
    model: "sns",
    operation: "Publish",
    required: ["Message"],
    errors: { prefix: "SNS", service: "AmazonSNS" },
    request: (given, lossless) => withTexts(given, lossless, ["Message"]),
    result: answered({ contentType: "text/xml" }),
  },
  dynamodb("getItem", ["Key"]),
  dynamodb("putItem", ["Item"]),
  dynamodb("updateItem", ["Key"]),
  dynamodb("deleteItem", ["Key"]),
];

const BY_RESOURCE = new Map(ROWS.map((row) => [row.resource, row]));

/** The row of `lambda:invoke`. */
export function integrationOf(resource: string): Integration | undefined {
  return BY_RESOURCE.get(resource);
}

function answered(how: Omit<Answered, "body">): NonNullable<Integration["result"]> {
  return (output, clock) => withMetadata(output, { ...how, body: JSON.stringify(output) }, clock);
}

/** Where a service wants text, text stays and anything else is printed as JSON. */
export function withTexts(given: Parameters, lossless: Parameters, names: readonly string[]): Parameters {
  const texts = names
    .filter((name) => given[name] !== undefined)
    .map((name) => [name, typeof given[name] === "string" ? given[name] : JSON.stringify(lossless[name])]);
  return { ...given, ...Object.fromEntries(texts) };
}

/** The SDK finds out by itself that a queue's URL leads nowhere. */
function sendMessageInput(given: Parameters, lossless: Parameters): Parameters {
  const url = given["QueueUrl"];
  const host = typeof url === "string" ? /^https?:\/\/([^/:]+)(?::\d+)?\/?$/.exec(url)?.[1] : undefined;
  if (host !== undefined)
    throw new TaskFailed(
      "SQS.SdkClientException",
      `Unable to execute HTTP request: ${host}: Name or service not known`,
    );
  return withTexts(given, lossless, ["MessageBody"]);
}

/** A Detail may be an object, and the machine's and the execution's ARNs are added to the resources of each entry. */
function putEventsInput(given: Parameters, lossless: Parameters, asking: Asking): Parameters {
  const own = [asking.machineArn, asking.executionArn];
  const entries = Array.isArray(given["Entries"]) ? given["Entries"].filter(isObject) : [];
  const losslessEntries = Array.isArray(lossless["Entries"]) ? lossless["Entries"].filter(isObject) : [];
  return {
    ...given,
    Entries: entries.map((entry, i) => ({
      ...withTexts(entry, losslessEntries[i] ?? {}, ["Detail"]),
      Resources: [...(Array.isArray(entry["Resources"]) ? (entry["Resources"] as unknown[]) : []), ...own],
    })),
  };
}

/** One refused entry fails the task. */
function putEventsResult(output: Parameters): unknown {
  if (Number(output["FailedEntryCount"] ?? 0) > 0)
    throw new TaskFailed("EventBridge.FailedEntry", JSON.stringify(output));
  return output;
}

/** A task's parameters, twice: as the models read them, and with numbers as they were written. */
export function parametersOf(text: string): { readonly given: Parameters; readonly lossless: Parameters } {
  return { given: objectOr(JSON.parse(text)), lossless: objectOr(parseJson(text)) };
}
function objectOr(value: unknown): Parameters {
  return isObject(value) ? value : {};
}
