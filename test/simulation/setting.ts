import type { Machine } from "./machine.ts";
import { ACCOUNT, REGION } from "./machine.ts";
import { client } from "./client.ts";

export const BUCKET = "uploads";
export const STORAGE = "uploads-storage";
export const WAIT_MS = 3_000;
export const RETRY_MS = 2_000;
export const EACH_MS = 1_000;
export const machineArn = (name: string): string => `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:${name}`;
const role = (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const EVENTS_ROLE = role("events");
export const STATES_ROLE = role("states");

/**
 * A Choice, a Wait, Tasks that work, and one that fails until its retries are used up, a Parallel and a Map. An event
 * takes the long way.
 */
const WORK = JSON.stringify({
  StartAt: "Which",
  States: {
    Which: {
      Type: "Choice",
      Choices: [
        { And: [present("quick")].flat(), Next: "Quick" },
        { And: [present("failing")].flat(), Next: "Missing" },
        { And: [present("wide")].flat(), Next: "Both" },
      ],
      Default: "Prepare",
    },
    Quick: { Type: "Pass", Result: "quick", End: true },
    Prepare: { Type: "Pass", Parameters: { "name.$": "$$.Execution.Name" }, ResultPath: "$.prepared", Next: "Pause" },
    Pause: { Type: "Wait", Seconds: WAIT_MS / 1000, Next: "Write" },
    Write: {
      Type: "Task",
      Resource: "arn:aws:states:::aws-sdk:s3:putObject",
      Parameters: { Bucket: STORAGE, "Key.$": "$.prepared.name", Body: "written" },
      ResultPath: "$.written",
      Next: "Tell",
    },
    Tell: {
      Type: "Task",
      Resource: "arn:aws:states:::events:putEvents",
      Parameters: {
        Entries: [{ Source: "simulation.told", DetailType: "told", Detail: { "name.$": "$.prepared.name" } }],
      },
      ResultPath: "$.told",
      End: true,
    },
    Missing: {
      Type: "Task",
      Resource: "arn:aws:states:::aws-sdk:s3:getObject",
      Parameters: { Bucket: STORAGE, Key: "there-is-no-such-key" },
      Retry: [
        { ErrorEquals: ["S3.NoSuchKeyException"], IntervalSeconds: RETRY_MS / 1000, MaxAttempts: 2, BackoffRate: 1 },
      ],
      Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: "Caught" }],
      End: true,
    },
    Caught: { Type: "Pass", Result: "caught", ResultPath: "$.end", End: true },
    Both: {
      Type: "Parallel",
      Branches: [
        {
          StartAt: "Rest",
          States: {
            Rest: { Type: "Wait", Seconds: WAIT_MS / 1000, Next: "Rested" },
            Rested: { Type: "Pass", End: true },
          },
        },
        { StartAt: "Keep", States: { Keep: { ...keep("both"), End: true } } },
        { StartAt: "Nothing", States: { Nothing: { Type: "Pass", Result: "nothing", End: true } } },
      ],
      ResultPath: "$.both",
      Next: "Each",
    },
    Each: {
      Type: "Map",
      Parameters: { "kind.$": "$.kind", "number.$": "$$.Map.Item.Value" },
      ItemsPath: "$.numbers",
      MaxConcurrency: 2,
      ItemProcessor: {
        ProcessorConfig: { Mode: "INLINE" },
        StartAt: "Breathe",
        States: {
          Breathe: { Type: "Wait", Seconds: EACH_MS / 1000, Next: "Save" },
          Save: { ...keep("each"), End: true },
        },
      },
      ResultPath: "$.each",
      End: true,
    },
  },
});

function keep(what: string): object {
  return {
    Type: "Task",
    Resource: "arn:aws:states:::aws-sdk:s3:putObject",
    Parameters: { Bucket: STORAGE, "Key.$": `States.Format('${what}-{}', $$.Execution.Name)`, Body: what },
    ResultPath: "$.kept",
  };
}

function present(kind: string): unknown[] {
  return [
    { Variable: "$.kind", IsPresent: true },
    { Variable: "$.kind", StringEquals: kind },
  ];
}

export const versionOf = (version: number): string =>
  JSON.stringify({ StartAt: "Say", States: { Say: { Type: "Pass", Result: version, End: true } } });

const trust = (service: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });
const allow = (actions: readonly string[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }] });

/** The tutorial in both editions, and the machines. Made before the weather begins. */
export async function setUp(machine: Machine): Promise<void> {
  const call = client(machine);
  for (const Bucket of [BUCKET, STORAGE]) await call.once("s3", "CreateBucket", { Bucket });
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "cloudtrail.amazonaws.com" },
        Action: "s3:*",
        Resource: [`arn:aws:s3:::${STORAGE}`, `arn:aws:s3:::${STORAGE}/*`],
      },
    ],
  });
  await call.once("s3", "PutBucketPolicy", { Bucket: STORAGE, Policy });
  await call.once("s3", "PutBucketNotificationConfiguration", {
    Bucket: BUCKET,
    NotificationConfiguration: { EventBridgeConfiguration: {} },
  });
  await call.once("cloudtrail", "CreateTrail", { Name: "S3Event", S3BucketName: STORAGE });
  const DataResources = [{ Type: "AWS::S3::Object", Values: [`arn:aws:s3:::${BUCKET}/`] }];
  await call.once("cloudtrail", "PutEventSelectors", {
    TrailName: "S3Event",
    EventSelectors: [{ ReadWriteType: "WriteOnly", IncludeManagementEvents: false, DataResources }],
  });
  await call.once("cloudtrail", "StartLogging", { Name: "S3Event" });
  for (const [name, actions] of [
    ["events", ["states:StartExecution"]],
    ["states", ["s3:*", "events:PutEvents"]],
  ] as const) {
    await call.once("iam", "CreateRole", { RoleName: name, AssumeRolePolicyDocument: trust(`${name}.amazonaws.com`) });
    await call.once("iam", "PutRolePolicy", { RoleName: name, PolicyName: name, PolicyDocument: allow(actions) });
  }
  await call.once("states", "CreateStateMachine", { name: "Work", definition: WORK, roleArn: STATES_ROLE });
  await call.once("states", "CreateStateMachine", { name: "Version", definition: versionOf(0), roleArn: STATES_ROLE });
  const rules = {
    recorded: {
      source: ["aws.s3"],
      "detail-type": ["AWS API Call via CloudTrail"],
      detail: { eventName: ["PutObject"], requestParameters: { bucketName: [BUCKET] } },
    },
    created: { source: ["aws.s3"], "detail-type": ["Object Created"], detail: { bucket: { name: [BUCKET] } } },
    published: { source: ["simulation.published"] },
  };
  for (const [Name, pattern] of Object.entries(rules)) {
    await call.once("events", "PutRule", { Name, EventPattern: JSON.stringify(pattern) });
    await call.once("events", "PutTargets", { Rule: Name, Targets: [target()] });
  }
  await call.once("events", "PutRule", { Name: "tick", ScheduleExpression: "rate(1 minute)" });
  await call.once("events", "PutTargets", { Rule: "tick", Targets: [target()] });
}

export const target = (): unknown => ({ Id: "work", Arn: machineArn("Work"), RoleArn: EVENTS_ROLE });
