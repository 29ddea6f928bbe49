/**
 * The four steps of AWS's tutorial "Starting a State Machine Execution in Response to Amazon S3 Events",
 * made with the official SDK exactly as against AWS.
 */
import {
  CreateTrailCommand,
  PutEventSelectorsCommand,
  StartLoggingCommand,
  type CloudTrailClient,
} from "@aws-sdk/client-cloudtrail";
import { PutRuleCommand, PutTargetsCommand, type EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { CreateRoleCommand, PutRolePolicyCommand, type IAMClient } from "@aws-sdk/client-iam";
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { CreateStateMachineCommand, type SFNClient } from "@aws-sdk/client-sfn";

export type TutorialClients = {
  readonly s3: S3Client;
  readonly trail: CloudTrailClient;
  readonly events: EventBridgeClient;
  readonly iam: IAMClient;
  readonly states: SFNClient;
};
/** 2018: through CloudTrail, "AWS API Call via CloudTrail". 2022: by the bucket's own notification, "Object Created". */
export type Edition = "2018" | "2022";
export type TutorialSetting = {
  readonly bucket: string;
  readonly account: string;
  readonly region: string;
  readonly edition: Edition;
};

/** A picture of one grey pixel. */
export const TEST_PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);

export const HELLO_WORLD = JSON.stringify({
  Comment: "A Hello World example of the Amazon States Language using a Pass state",
  StartAt: "HelloWorld",
  States: { HelloWorld: { Type: "Pass", Result: "Hello World!", End: true } },
});

/** Step 1, first half: the bucket that people upload to. */
export async function createBucket({ s3 }: TutorialClients, { bucket }: TutorialSetting): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
}

/** Step 1, second half: the trail `S3Event` with S3 data events on the bucket, and a new storage bucket for its log files. */
export async function createTrail({ s3, trail }: TutorialClients, setting: TutorialSetting): Promise<string> {
  const { bucket, account, region } = setting;
  const storage = `${bucket}-storage`;
  const trailArn = `arn:aws:cloudtrail:${region}:${account}:trail/S3Event`;
  await s3.send(new CreateBucketCommand({ Bucket: storage }));
  await s3.send(
    new PutBucketPolicyCommand({ Bucket: storage, Policy: JSON.stringify(storagePolicy(storage, account, trailArn)) }),
  );
  await trail.send(new CreateTrailCommand({ Name: "S3Event", S3BucketName: storage }));
  await trail.send(
    new PutEventSelectorsCommand({
      TrailName: "S3Event",
      EventSelectors: [
        {
          ReadWriteType: "WriteOnly",
          IncludeManagementEvents: false,
          DataResources: [{ Type: "AWS::S3::Object", Values: [`arn:aws:s3:::${bucket}/`] }],
        },
      ],
    }),
  );
  await trail.send(new StartLoggingCommand({ Name: "S3Event" }));
  return trailArn;
}

function storagePolicy(storage: string, account: string, trailArn: string): unknown {
  const Principal = { Service: "cloudtrail.amazonaws.com" };
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "AWSCloudTrailAclCheck20150319",
        Effect: "Allow",
        Principal,
        Action: "s3:GetBucketAcl",
        Resource: `arn:aws:s3:::${storage}`,
        Condition: { StringEquals: { "aws:SourceArn": trailArn } },
      },
      {
        Sid: "AWSCloudTrailWrite20150319",
        Effect: "Allow",
        Principal,
        Action: "s3:PutObject",
        Resource: `arn:aws:s3:::${storage}/AWSLogs/${account}/*`,
        Condition: { StringEquals: { "s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": trailArn } },
      },
    ],
  };
}

/** Step 1 of the 2022 edition: the bucket tells EventBridge itself. */
export async function enableNotifications({ s3 }: TutorialClients, { bucket }: TutorialSetting): Promise<void> {
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket,
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    }),
  );
}

/** Step 2: the state machine `Helloworld`, with a role of its own. */
export async function createMachine(
  { iam, states }: TutorialClients,
  definition: string = HELLO_WORLD,
): Promise<string> {
  const role = await createServiceRole(iam, "StepFunctions-Helloworld-role", "states.amazonaws.com");
  const { stateMachineArn } = await states.send(
    new CreateStateMachineCommand({ name: "Helloworld", definition, roleArn: role }),
  );
  return stateMachineArn ?? "";
}

/** A role that a service may assume. */
export async function createServiceRole(iam: IAMClient, name: string, service: string, path = "/"): Promise<string> {
  const trust = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: name, Path: path, AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  return Role?.Arn ?? "";
}

/** Step 3: the rule `S3StepFunctions` on uploads to the bucket, the machine as its target, with a role created for it. */
export async function createRule(
  clients: TutorialClients,
  setting: TutorialSetting,
  machineArn: string,
): Promise<{ ruleArn: string; roleArn: string }> {
  const { iam, events } = clients;
  const name = "AWS_Events_Invoke_Step_Functions_123456789";
  const roleArn = await createServiceRole(iam, name, "events.amazonaws.com", "/service-role/");
  const policy = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: ["states:StartExecution"], Resource: [machineArn] }],
  };
  await iam.send(
    new PutRolePolicyCommand({ RoleName: name, PolicyName: name, PolicyDocument: JSON.stringify(policy) }),
  );
  const { RuleArn } = await events.send(
    new PutRuleCommand({ Name: "S3StepFunctions", EventPattern: JSON.stringify(patternFor(setting)) }),
  );
  await events.send(
    new PutTargetsCommand({
      Rule: "S3StepFunctions",
      Targets: [{ Id: "Helloworld", Arn: machineArn, RoleArn: roleArn }],
    }),
  );
  return { ruleArn: RuleArn ?? "", roleArn };
}

export function patternFor({ edition, bucket }: TutorialSetting): unknown {
  if (edition === "2022")
    return { source: ["aws.s3"], "detail-type": ["Object Created"], detail: { bucket: { name: [bucket] } } };
  return {
    source: ["aws.s3"],
    "detail-type": ["AWS API Call via CloudTrail"],
    detail: {
      eventSource: ["s3.amazonaws.com"],
      eventName: ["PutObject"],
      requestParameters: { bucketName: [bucket] },
    },
  };
}

/** Step 4: upload. */
export async function upload({ s3 }: TutorialClients, { bucket }: TutorialSetting): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: "test.png", Body: TEST_PNG, ContentType: "image/png" }));
}
