/** Two accounts and two regions in one installation: the same names everywhere, and nobody sees the other's. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DescribeTrailsCommand, LookupEventsCommand } from "@aws-sdk/client-cloudtrail";
import { ListRulesCommand, ListTargetsByRuleCommand, PutRuleCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateUserCommand,
  GetRoleCommand,
  ListRolesCommand,
  PutUserPolicyCommand,
  CreateAccessKeyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateBucketCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import {
  CreateStateMachineCommand,
  DescribeStateMachineCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import {
  createBucket,
  createMachine,
  createRule,
  createTrail,
  upload,
  type TutorialSetting,
} from "../../scripts/tutorial/steps.ts";
import { accountAnswer } from "../../src/iam/account-endpoint.ts";
import { eventually, startStepwell, type Clients, type Key, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const OTHER = "210987654321";
const denied = (action: RegExp) => (error: Error) =>
  /AccessDenied/.test(error.name) && (action.test(error.message) || error.message === "Access Denied");

for (const store of stores) {
  describe(`two accounts on ${store.name}`, () => {
    let stepwell: Stepwell;
    let own: Clients;
    let other: Clients;
    const settings: Record<"own" | "other", TutorialSetting> = {
      own: { bucket: "own-tutorial", account: "123456789012", region: "us-east-1", edition: "2018" },
      other: { bucket: "other-tutorial", account: OTHER, region: "us-east-1", edition: "2018" },
    };
    const machines = { own: "", other: "" };
    before(async () => {
      stepwell = await startStepwell(store);
      own = stepwell.as;
      other = stepwell.client((await accountAnswer(stepwell.node.parts, OTHER)) as Key);
      for (const [who, clients] of [
        ["own", own],
        ["other", other],
      ] as const) {
        await createBucket(clients, settings[who]);
        await createTrail(clients, settings[who]);
        machines[who] = await createMachine(clients);
        await createRule(clients, settings[who], machines[who]);
      }
    });
    after(() => stepwell.close());

    test("machines, rules, trails, roles and buckets of the same names are apart", async () => {
      for (const [who, clients] of [
        ["own", own],
        ["other", other],
      ] as const) {
        const { account, bucket } = settings[who];
        const { stateMachines = [] } = await clients.states.send(new ListStateMachinesCommand({}));
        assert.deepEqual(
          stateMachines.map(({ stateMachineArn }) => stateMachineArn),
          [`arn:aws:states:us-east-1:${account}:stateMachine:Helloworld`],
        );
        const { Rules = [] } = await clients.events.send(new ListRulesCommand({}));
        assert.deepEqual(
          Rules.map(({ Arn }) => Arn),
          [`arn:aws:events:us-east-1:${account}:rule/S3StepFunctions`],
        );
        const { Targets = [] } = await clients.events.send(new ListTargetsByRuleCommand({ Rule: "S3StepFunctions" }));
        assert.deepEqual(
          Targets.map(({ Arn }) => Arn),
          [machines[who]],
        );
        const { trailList = [] } = await clients.trail.send(new DescribeTrailsCommand({}));
        assert.deepEqual(
          trailList.map(({ TrailARN }) => TrailARN),
          [`arn:aws:cloudtrail:us-east-1:${account}:trail/S3Event`],
        );
        const { Roles = [] } = await clients.iam.send(new ListRolesCommand({}));
        assert.equal(Roles.length, 2);
        assert.ok(Roles.every(({ Arn }) => Arn?.includes(`::${account}:role/`)));
        const { Buckets = [] } = await clients.s3.send(new ListBucketsCommand({}));
        assert.deepEqual(
          Buckets.map(({ Name }) => Name),
          [bucket, `${bucket}-storage`],
        );
      }
      const { Role } = await other.iam.send(new GetRoleCommand({ RoleName: "StepFunctions-Helloworld-role" }));
      assert.match(Role?.Arn ?? "", new RegExp(`::${OTHER}:`));
    });

    test("an upload starts the machine of its own account only, and is in that account's history only", async () => {
      const running = async (clients: Clients, stateMachineArn: string) =>
        (await clients.states.send(new ListExecutionsCommand({ stateMachineArn }))).executions ?? [];
      await upload(other, settings.other);
      await eventually(async () => ((await running(other, machines.other)).length === 1 ? true : undefined));
      assert.equal((await running(own, machines.own)).length, 0);
      await upload(own, settings.own);
      await eventually(async () => ((await running(own, machines.own)).length === 1 ? true : undefined));
      assert.equal((await running(other, machines.other)).length, 1);
      for (const [who, clients] of [
        ["own", own],
        ["other", other],
      ] as const) {
        const { Events = [] } = await clients.trail.send(new LookupEventsCommand({}));
        assert.ok(Events.length > 0);
        for (const { CloudTrailEvent } of Events)
          assert.equal(
            (JSON.parse(CloudTrailEvent ?? "") as { recipientAccountId: string }).recipientAccountId,
            settings[who].account,
          );
      }
    });

    test("nobody reaches into the other account by ARN", async () => {
      const stateMachineArn = machines.own;
      for (const refused of [
        () => other.states.send(new StartExecutionCommand({ stateMachineArn })),
        () => other.states.send(new DescribeStateMachineCommand({ stateMachineArn })),
        () => other.states.send(new ListExecutionsCommand({ stateMachineArn })),
      ])
        await assert.rejects(refused(), /not authorized|AccessDenied|does not exist|not exist/i);
      const bus = "arn:aws:events:us-east-1:123456789012:event-bus/default";
      await assert.rejects(
        other.events.send(
          new PutRuleCommand({ Name: "intruder", EventBusName: bus, EventPattern: '{"source":["x"]}' }),
        ),
      );
      const { Rules = [] } = await own.events.send(new ListRulesCommand({}));
      assert.equal(Rules.length, 1);
    });

    test("a user of another account comes in only if the bucket's policy and the user's own allow it", async () => {
      const { AccessKey } = await userOf(other, "visitor");
      const visitor = stepwell.client({
        accessKeyId: AccessKey?.AccessKeyId ?? "",
        secretAccessKey: AccessKey?.SecretAccessKey ?? "",
      });
      await own.s3.send(new CreateBucketCommand({ Bucket: "shared" }));
      await own.s3.send(new PutObjectCommand({ Bucket: "shared", Key: "k", Body: "shared" }));
      const get = () => visitor.s3.send(new GetObjectCommand({ Bucket: "shared", Key: "k" }));
      const statement = { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::shared/*" };
      const policy = (Statement: object): string => JSON.stringify({ Version: "2012-10-17", Statement });
      await assert.rejects(get(), denied(/s3:GetObject/));
      const Principal = { AWS: `arn:aws:iam::${OTHER}:user/visitor` };
      const Policy = policy({ ...statement, Principal });
      await own.s3.send(new PutBucketPolicyCommand({ Bucket: "shared", Policy }));
      await assert.rejects(get(), denied(/s3:GetObject/), "the bucket's policy alone is one side");
      await other.iam.send(
        new PutUserPolicyCommand({ UserName: "visitor", PolicyName: "read", PolicyDocument: policy(statement) }),
      );
      assert.equal(await (await get()).Body?.transformToString(), "shared");
      const Deny = policy({ ...statement, Effect: "Deny", Principal });
      await own.s3.send(new PutBucketPolicyCommand({ Bucket: "shared", Policy: Deny }));
      await assert.rejects(get(), denied(/s3:GetObject/), "the user's policy alone is one side");
    });
    async function userOf(clients: Clients, UserName: string) {
      await clients.iam.send(new CreateUserCommand({ UserName }));
      return clients.iam.send(new CreateAccessKeyCommand({ UserName }));
    }

    test("a resource lives in the region of its signature's scope", async () => {
      const abroad = stepwell.client(stepwell.key, "eu-west-1");
      const roleArn = await rolesArn(own);
      assert.deepEqual((await abroad.states.send(new ListStateMachinesCommand({}))).stateMachines, []);
      assert.deepEqual((await abroad.events.send(new ListRulesCommand({}))).Rules, []);
      const machine = await abroad.states.send(
        new CreateStateMachineCommand({
          name: "Helloworld",
          roleArn,
          definition: JSON.stringify({ StartAt: "A", States: { A: { Type: "Pass", End: true } } }),
        }),
      );
      assert.equal(machine.stateMachineArn, "arn:aws:states:eu-west-1:123456789012:stateMachine:Helloworld");
      const rule = await abroad.events.send(
        new PutRuleCommand({ Name: "S3StepFunctions", EventPattern: '{"source":["x"]}' }),
      );
      assert.equal(rule.RuleArn, "arn:aws:events:eu-west-1:123456789012:rule/S3StepFunctions");
      await abroad.s3.send(
        new CreateBucketCommand({
          Bucket: "abroad",
          CreateBucketConfiguration: { LocationConstraint: "eu-west-1" },
        }),
      );
      assert.equal(
        (await own.s3.send(new GetBucketLocationCommand({ Bucket: "abroad" }))).LocationConstraint,
        "eu-west-1",
      );
      assert.equal((await abroad.s3.send(new HeadBucketCommand({ Bucket: "abroad" }))).BucketRegion, "eu-west-1");
      // Roles are everywhere.
      assert.equal((await abroad.iam.send(new ListRolesCommand({}))).Roles?.length, 2);
    });
    async function rolesArn(clients: Clients): Promise<string> {
      const { Role } = await clients.iam.send(new GetRoleCommand({ RoleName: "StepFunctions-Helloworld-role" }));
      return Role?.Arn ?? "";
    }
  });
}
