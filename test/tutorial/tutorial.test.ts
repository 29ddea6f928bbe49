/** The tutorial through the public door with the official SDK: both editions, and the ways in which nothing happens. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { StopLoggingCommand } from "@aws-sdk/client-cloudtrail";
import { DeleteRolePolicyCommand, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { DescribeExecutionCommand, GetExecutionHistoryCommand, ListExecutionsCommand } from "@aws-sdk/client-sfn";
import { askAt } from "../../src/cli/client.ts";
import type { Story } from "../../src/story/tell.ts";
import {
  createBucket,
  createMachine,
  createRule,
  createTrail,
  enableNotifications,
  TEST_PNG,
  upload,
  type Edition,
  type TutorialSetting,
} from "../../scripts/tutorial/steps.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

for (const store of stores) {
  for (const edition of ["2018", "2022"] as const) {
    describe(`the tutorial, edition ${edition}, on ${store.name}`, () => {
      let stepwell: Stepwell;
      let setting: TutorialSetting;
      let machineArn: string;
      before(async () => {
        stepwell = await startStepwell(store);
        setting = { bucket: "username-sfn-tutorial", account: stepwell.account, region: stepwell.region, edition };
        machineArn = await setUp(stepwell, setting);
      });
      after(() => stepwell.close());

      test("an upload starts one execution, whose input is the event", async () => {
        await upload(stepwell.as, setting);
        // It rides in the upload's commit, unless the machine is so busy that it is left for a moment later.
        const executions = await eventually(async () => {
          const all = await executionsOf(stepwell, machineArn);
          return all.some(({ status }) => status !== "RUNNING") ? all : undefined;
        });
        assert.equal(executions.length, 1);
        const [execution] = executions;
        assert.equal(execution?.status, "SUCCEEDED");
        assert.equal(execution?.output, '"Hello World!"');
        const event = JSON.parse(execution?.input ?? "null") as Record<string, unknown>;
        if (edition === "2018") assertTutorialEvent(event, stepwell, setting);
        else assertNativeEvent(event, stepwell, setting);
      });

      test("the object is what was uploaded", async () => {
        const { Body, ContentType } = await stepwell.as.s3.send(
          new GetObjectCommand({ Bucket: setting.bucket, Key: "test.png" }),
        );
        assert.deepEqual(Buffer.from((await Body?.transformToByteArray()) ?? []), TEST_PNG);
        assert.equal(ContentType, "image/png");
      });

      test("the execution's history is AWS's", async () => {
        const [execution] = await executionsOf(stepwell, machineArn);
        const { events = [] } = await stepwell.as.states.send(
          new GetExecutionHistoryCommand({ executionArn: execution?.executionArn }),
        );
        assert.deepEqual(
          events.map(({ type, id, previousEventId }) => [id, previousEventId, type]),
          [
            [1, 0, "ExecutionStarted"],
            [2, 0, "PassStateEntered"],
            [3, 2, "PassStateExited"],
            [4, 3, "ExecutionSucceeded"],
          ],
        );
      });

      test("the story has every hop, and no dead end", async () => {
        const story = await storyOf(stepwell, setting);
        const hops = story.hops.map(({ hop }) => hop);
        const chain = ["event", "rule", "delivery", "execution", "result"];
        assert.deepEqual(hops, edition === "2018" ? ["call", "record", ...chain] : ["call", ...chain]);
        assert.ok(
          story.hops.every(({ outcome }) => outcome === "ok"),
          JSON.stringify(story),
        );
      });
    });
  }

  describe(`nothing happens, and the story says why, on ${store.name}`, () => {
    let stepwell: Stepwell;
    let setting: TutorialSetting;
    let machineArn: string;
    const roleName = "AWS_Events_Invoke_Step_Functions_123456789";
    before(async () => {
      stepwell = await startStepwell(store);
      setting = {
        bucket: "username-sfn-tutorial",
        account: stepwell.account,
        region: stepwell.region,
        edition: "2018",
      };
      machineArn = await setUp(stepwell, setting);
    });
    after(() => stepwell.close());

    test("the role does not trust events.amazonaws.com", async () => {
      const trust = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
      };
      await stepwell.as.iam.send(
        new UpdateAssumeRolePolicyCommand({ RoleName: roleName, PolicyDocument: JSON.stringify(trust) }),
      );
      await assertDeadEnd(
        stepwell,
        setting,
        machineArn,
        /events\.amazonaws\.com.*sts:AssumeRole|sts:AssumeRole.*events\.amazonaws\.com|does not trust/s,
      );
      const right = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: "events.amazonaws.com" }, Action: "sts:AssumeRole" }],
      };
      await stepwell.as.iam.send(
        new UpdateAssumeRolePolicyCommand({ RoleName: roleName, PolicyDocument: JSON.stringify(right) }),
      );
    });

    test("the role may not start the machine", async () => {
      await stepwell.as.iam.send(new DeleteRolePolicyCommand({ RoleName: roleName, PolicyName: roleName }));
      await assertDeadEnd(stepwell, setting, machineArn, /states:StartExecution/);
    });

    test("the trail is not logging", async () => {
      await stepwell.as.trail.send(new StopLoggingCommand({ Name: "S3Event" }));
      await assertDeadEnd(stepwell, setting, machineArn, /not logging/);
    });

    test("no trail selects the bucket", async () => {
      const other = { ...setting, bucket: "unwatched-bucket" };
      await createBucket(stepwell.as, other);
      await assertDeadEnd(stepwell, other, machineArn, /no trail selects this bucket/);
    });
  });
}

async function setUp(stepwell: Stepwell, setting: TutorialSetting): Promise<string> {
  await createBucket(stepwell.as, setting);
  const edition: Edition = setting.edition;
  if (edition === "2018") await createTrail(stepwell.as, setting);
  else await enableNotifications(stepwell.as, setting);
  const machineArn = await createMachine(stepwell.as);
  await createRule(stepwell.as, setting, machineArn);
  return machineArn;
}

async function executionsOf(stepwell: Stepwell, stateMachineArn: string) {
  const { executions = [] } = await stepwell.as.states.send(new ListExecutionsCommand({ stateMachineArn }));
  return Promise.all(
    executions.map(({ executionArn }) => stepwell.as.states.send(new DescribeExecutionCommand({ executionArn }))),
  );
}

function storyOf(stepwell: Stepwell, { bucket, region }: TutorialSetting): Promise<Story> {
  return askAt(stepwell.endpoint, stepwell.key, region, "flow", { bucket, key: "test.png" }) as Promise<Story>;
}

async function assertDeadEnd(
  stepwell: Stepwell,
  setting: TutorialSetting,
  machineArn: string,
  reason: RegExp,
): Promise<void> {
  const before = (await executionsOf(stepwell, machineArn)).length;
  await upload(stepwell.as, setting);
  const ends = await eventually(async () => {
    const { hops } = await storyOf(stepwell, setting);
    return hops.find(({ outcome }) => outcome === "dead end");
  });
  assert.match(JSON.stringify(ends), reason);
  assert.equal((await executionsOf(stepwell, machineArn)).length, before);
}

/** Every field of the tutorial's example, in today's record version. */
function assertTutorialEvent(
  event: Record<string, unknown>,
  { account, region, key, endpoint }: Stepwell,
  { bucket }: TutorialSetting,
): void {
  const detail = event["detail"] as Record<string, unknown>;
  assert.deepEqual(
    { ...event, id: typeof event["id"], time: typeof event["time"], detail: 0 },
    {
      version: "0",
      id: "string",
      "detail-type": "AWS API Call via CloudTrail",
      source: "aws.s3",
      account,
      time: "string",
      region,
      resources: [],
      detail: 0,
    },
  );
  const {
    userIdentity,
    eventTime,
    userAgent,
    requestID,
    eventID,
    additionalEventData,
    responseElements,
    requestParameters,
    ...rest
  } = detail;
  assert.deepEqual(userIdentity, {
    type: "Root",
    principalId: account,
    arn: `arn:aws:iam::${account}:root`,
    accountId: account,
    accessKeyId: key.accessKeyId,
  });
  assert.equal(eventTime, event["time"]);
  assert.match(String(userAgent), /^\[aws-sdk-js\/3/);
  assert.match(String(requestID), /^[0-9A-Z]{16}$/);
  assert.match(String(eventID), /^[0-9a-f-]{36}$/);
  assert.deepEqual(requestParameters, { bucketName: bucket, Host: new URL(endpoint).host, key: "test.png" });
  assert.equal((responseElements as Record<string, unknown>)["x-amz-server-side-encryption"], "AES256");
  assert.equal((additionalEventData as Record<string, unknown>)["AuthenticationMethod"], "AuthHeader");
  assert.equal((additionalEventData as Record<string, unknown>)["bytesTransferredIn"], TEST_PNG.length);
  assert.deepEqual(rest, {
    eventVersion: "1.11",
    eventSource: "s3.amazonaws.com",
    eventName: "PutObject",
    awsRegion: region,
    sourceIPAddress: "127.0.0.1",
    readOnly: false,
    resources: [
      { type: "AWS::S3::Object", ARN: `arn:aws:s3:::${bucket}/test.png` },
      { accountId: account, type: "AWS::S3::Bucket", ARN: `arn:aws:s3:::${bucket}` },
    ],
    eventType: "AwsApiCall",
    managementEvent: false,
    recipientAccountId: account,
    eventCategory: "Data",
  });
}

function assertNativeEvent(
  event: Record<string, unknown>,
  { account, region }: Stepwell,
  { bucket }: TutorialSetting,
): void {
  const detail = event["detail"] as Record<string, Record<string, unknown>>;
  assert.equal(event["detail-type"], "Object Created");
  assert.equal(event["source"], "aws.s3");
  assert.deepEqual(event["resources"], [`arn:aws:s3:::${bucket}`]);
  assert.equal(event["region"], region);
  assert.deepEqual(detail["bucket"], { name: bucket });
  assert.equal(detail["object"]?.["key"], "test.png");
  assert.equal(detail["object"]?.["size"], TEST_PNG.length);
  assert.match(String(detail["object"]?.["etag"]), /^[0-9a-f]{32}$/);
  assert.match(String(detail["object"]?.["sequencer"]), /^[0-9A-F]+$/);
  assert.equal(detail["requester"], account);
  assert.equal(detail["reason"], "PutObject");
  assert.equal(detail["source-ip-address"], "127.0.0.1");
}
