import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as sdk from "@aws-sdk/client-eventbridge";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateStateMachineCommand, DescribeExecutionCommand, ListExecutionsCommand } from "@aws-sdk/client-sfn";
import { eventually, startStepwell, type Key, type Stepwell } from "../support/stepwell.ts";
import { accountAnswer } from "../../src/iam/account-endpoint.ts";

let stepwell: Stepwell;
let machineArn: string;
let roleArn: string;
const region = "us-east-1";

before(async () => {
  stepwell = await startStepwell();
  const machineRole = await role("machine", "states.amazonaws.com", undefined);
  const definition = JSON.stringify({ StartAt: "Done", States: { Done: { Type: "Succeed" } } });
  const machine = await stepwell.as.states.send(
    new CreateStateMachineCommand({ name: "m", definition, roleArn: machineRole }),
  );
  machineArn = machine.stateMachineArn ?? "";
  roleArn = await role("rule", "events.amazonaws.com", "*");
});
after(() => stepwell.close());

/** A role that a service may assume, allowed to start executions and to put events on `resource`. */
async function role(name: string, service: string, resource: string | undefined): Promise<string> {
  const trust = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  };
  const made = await stepwell.as.iam.send(
    new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  if (resource !== undefined) {
    const allow = { Effect: "Allow", Action: ["states:StartExecution", "events:PutEvents"], Resource: resource };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [allow] });
    await stepwell.as.iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: "p", PolicyDocument: policy }));
  }
  return made.Role?.Arn ?? "";
}
const send = ((command: never) => stepwell.as.events.send(command)) as sdk.EventBridgeClient["send"];
const put = (
  Source: string,
  detail: unknown,
  more: Partial<sdk.PutEventsRequestEntry> = {},
): Promise<sdk.PutEventsCommandOutput> =>
  send(new sdk.PutEventsCommand({ Entries: [{ Source, DetailType: "t", Detail: JSON.stringify(detail), ...more }] }));
const failsWith = (code: string, message: string | RegExp) => (error: Error) => {
  assert.equal(error.name, code);
  if (typeof message === "string") assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};
/** The executions that an event started: `expected` of them at least, which a busy machine may leave for a moment later. */
async function executions(prefix: string, expected: 0 | 1): Promise<{ name: string; input: unknown }[]> {
  const mine = await eventually(async () => {
    const { executions: found = [] } = await stepwell.as.states.send(
      new ListExecutionsCommand({ stateMachineArn: machineArn }),
    );
    const started = found.filter(({ name }) => name?.startsWith(prefix));
    return started.length >= expected ? started : undefined;
  });
  return Promise.all(
    mine.map(async ({ executionArn, name = "" }) => {
      const described = await stepwell.as.states.send(new DescribeExecutionCommand({ executionArn }));
      return { name, input: JSON.parse(described.input ?? "") as unknown };
    }),
  );
}
async function ruleTo(
  Name: string,
  pattern: unknown,
  target: Partial<sdk.Target> = {},
  EventBusName?: string,
): Promise<void> {
  const bus = EventBusName === undefined ? {} : { EventBusName };
  await send(new sdk.PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern), ...bus }));
  const Targets = [{ Id: "1", Arn: machineArn, RoleArn: roleArn, ...target }];
  assert.equal((await send(new sdk.PutTargetsCommand({ Rule: Name, Targets, ...bus }))).FailedEntryCount, 0);
}

void test("an event that matches starts an execution with the envelope as its input", async () => {
  await ruleTo("start", { source: ["shop"], detail: { kind: ["order"] } });
  const Time = new Date("2026-05-04T09:12:31.900Z");
  const { Entries = [] } = await put("shop", { kind: "order", n: 1 }, { Time, Resources: ["arn:x"] });
  const id = Entries[0]?.EventId ?? "";
  const [started, more] = await executions(id, 1);
  assert.equal(more, undefined);
  assert.match(started?.name ?? "", /^[0-9a-f-]{36}_[0-9a-f-]{36}$/);
  assert.deepEqual(started?.input, {
    version: "0",
    id,
    "detail-type": "t",
    source: "shop",
    account: stepwell.account,
    time: "2026-05-04T09:12:31Z",
    region,
    resources: ["arn:x"],
    detail: { kind: "order", n: 1 },
  });
  const other = await put("shop", { kind: "return" });
  assert.deepEqual(await executions(other.Entries?.[0]?.EventId ?? "-", 0), []);
});

void test("a disabled rule rests, and a changed pattern counts at once", async () => {
  await ruleTo("changing", { source: ["change"], detail: { v: [1] } });
  const startedBy = async (v: number, expected: 0 | 1): Promise<number> =>
    (await executions((await put("change", { v })).Entries?.[0]?.EventId ?? "-", expected)).length;
  assert.equal(await startedBy(1, 1), 1);
  await send(new sdk.DisableRuleCommand({ Name: "changing" }));
  assert.equal(await startedBy(1, 0), 0);
  await send(new sdk.EnableRuleCommand({ Name: "changing" }));
  await send(new sdk.PutRuleCommand({ Name: "changing", EventPattern: '{"source":["change"],"detail":{"v":[2]}}' }));
  assert.equal(await startedBy(1, 0), 0);
  assert.equal(await startedBy(2, 1), 1);
  await send(new sdk.RemoveTargetsCommand({ Rule: "changing", Ids: ["1"] }));
  assert.equal(await startedBy(2, 0), 0);
});

void test("targets get what their transformer makes", async () => {
  const InputTransformer = {
    InputPathsMap: { n: "$.detail.n" },
    InputTemplate: '{"n": <n>, "rule": <aws.events.rule-name>}',
  };
  await ruleTo("transformed", { source: ["transform"] }, { InputTransformer });
  const { Entries = [] } = await put("transform", { n: [1, "x"] });
  const [started] = await executions(Entries[0]?.EventId ?? "-", 1);
  assert.deepEqual(started?.input, { n: [1, "x"], rule: "transformed" });
});

void test("entries of PutEvents fail one by one, in AWS's words", async () => {
  const entry = { Source: "s", DetailType: "d", Detail: "{}" };
  const { Entries, FailedEntryCount } = await send(
    new sdk.PutEventsCommand({
      Entries: [
        { ...entry, Source: undefined },
        { ...entry, Detail: "[]" },
        { ...entry, Source: "aws.s3" },
        { ...entry, EventBusName: "nowhere" },
      ],
    }),
  );
  assert.equal(FailedEntryCount, 3);
  assert.deepEqual(
    Entries?.map(({ ErrorCode, ErrorMessage }) => [ErrorCode, ErrorMessage]),
    [
      ["InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."],
      ["MalformedDetail", "Detail is malformed."],
      ["NotAuthorizedForSourceException", "Not authorized for the source."],
      [undefined, undefined],
    ],
  );
  assert.match(Entries?.[3]?.EventId ?? "", /^[0-9a-f-]{36}$/);
  const large = JSON.stringify({ x: "y".repeat(600_000) });
  await assert.rejects(
    send(
      new sdk.PutEventsCommand({
        Entries: [
          { ...entry, Detail: large },
          { ...entry, Detail: large },
        ],
      }),
    ),
    failsWith("ValidationException", "Total size of the entries in the request is over the limit."),
  );
  await assert.rejects(send(new sdk.PutEventsCommand({ Entries: Array(11).fill(entry) })), {
    name: "ValidationException",
  });
});

void test("TestEventPattern judges, and says where a pattern is wrong", async () => {
  const Event = JSON.stringify({
    id: "1",
    source: "s",
    "detail-type": "d",
    account: "1",
    region: "r",
    time: "t",
    resources: [],
    detail: { n: 5 },
  });
  const ask = (EventPattern: string, event = Event) =>
    send(new sdk.TestEventPatternCommand({ EventPattern, Event: event }));
  assert.equal((await ask('{"detail":{"n":[{"numeric":[">",4]}]}}')).Result, true);
  assert.equal((await ask('{"detail":{"n":[4]}}')).Result, false);
  await assert.rejects(
    ask('{"source":"s"}'),
    failsWith(
      "InvalidEventPatternException",
      'Event pattern is not valid. Reason: "source" must be an object or an array\n at [Source: (String)"{"source":"s"}"; line: 1, column: 12]',
    ),
  );
  await assert.rejects(ask('{"source":["s"]}', '{"id":"1"}'), { name: "ValidationException" });
});

void test("rules are described as they were put, listed in pages and deleted when empty", async () => {
  const EventPattern = '{ "source" : [ "kept" ] }';
  const { RuleArn } = await send(
    new sdk.PutRuleCommand({ Name: "list-a", EventPattern, Description: "d", Tags: [{ Key: "k", Value: "v" }] }),
  );
  assert.equal(RuleArn, `arn:aws:events:${region}:${stepwell.account}:rule/list-a`);
  for (const Name of ["list-b", "list-c"]) await send(new sdk.PutRuleCommand({ Name, EventPattern }));
  const described = await send(new sdk.DescribeRuleCommand({ Name: "list-a" }));
  assert.equal(described.EventPattern, EventPattern);
  assert.equal(described.State, "ENABLED");
  assert.equal(described.Description, "d");
  const first = await send(new sdk.ListRulesCommand({ NamePrefix: "list-", Limit: 2 }));
  assert.deepEqual(
    first.Rules?.map(({ Name }) => Name),
    ["list-a", "list-b"],
  );
  const second = await send(new sdk.ListRulesCommand({ NamePrefix: "list-", Limit: 2, NextToken: first.NextToken }));
  assert.deepEqual(
    second.Rules?.map(({ Name }) => Name),
    ["list-c"],
  );
  assert.equal(second.NextToken, undefined);
  await send(new sdk.TagResourceCommand({ ResourceARN: RuleArn, Tags: [{ Key: "k2", Value: "v2" }] }));
  await send(new sdk.UntagResourceCommand({ ResourceARN: RuleArn, TagKeys: ["k"] }));
  assert.deepEqual((await send(new sdk.ListTagsForResourceCommand({ ResourceARN: RuleArn }))).Tags, [
    { Key: "k2", Value: "v2" },
  ]);
  await send(new sdk.PutTargetsCommand({ Rule: "list-a", Targets: [{ Id: "1", Arn: machineArn, RoleArn: roleArn }] }));
  const byTarget = await send(new sdk.ListRuleNamesByTargetCommand({ TargetArn: machineArn }));
  assert.ok(byTarget.RuleNames?.includes("list-a"));
  await assert.rejects(
    send(new sdk.DeleteRuleCommand({ Name: "list-a" })),
    failsWith("ValidationException", "Rule can't be deleted since it has targets."),
  );
  await send(new sdk.RemoveTargetsCommand({ Rule: "list-a", Ids: ["1"] }));
  await send(new sdk.DeleteRuleCommand({ Name: "list-a" }));
  await send(new sdk.DeleteRuleCommand({ Name: "list-a" }));
  await assert.rejects(
    send(new sdk.DescribeRuleCommand({ Name: "list-a" })),
    failsWith("ResourceNotFoundException", "Rule list-a does not exist on EventBus default."),
  );
});

void test("what cannot be is refused", async () => {
  const rule = (input: Partial<sdk.PutRuleCommandInput>) => send(new sdk.PutRuleCommand({ Name: "bad", ...input }));
  await assert.rejects(
    rule({}),
    failsWith("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."),
  );
  await assert.rejects(
    rule({ ScheduleExpression: "rate(1 minutes)" }),
    failsWith("ValidationException", "Parameter ScheduleExpression is not valid."),
  );
  await assert.rejects(rule({ EventPattern: "{}", EventBusName: "nowhere" }), { name: "InvalidEventPatternException" });
  await assert.rejects(
    rule({ EventPattern: '{"a":[1]}', EventBusName: "nowhere" }),
    failsWith("ResourceNotFoundException", "Event bus nowhere does not exist."),
  );
  await send(new sdk.PutRuleCommand({ Name: "refusing", EventPattern: '{"source":["refuse"]}' }));
  const target = (more: Partial<sdk.Target>) =>
    send(
      new sdk.PutTargetsCommand({
        Rule: "refusing",
        Targets: [{ Id: "t", Arn: machineArn, RoleArn: roleArn, ...more }],
      }),
    );
  await assert.rejects(
    target({ Input: "{}", InputPath: "$" }),
    failsWith(
      "ValidationException",
      "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
    ),
  );
  await assert.rejects(
    target({ RoleArn: undefined }),
    failsWith("ValidationException", "RoleArn is required for target t."),
  );
  const lambda = await target({ Arn: `arn:aws:lambda:${region}:${stepwell.account}:function:f` });
  assert.match(lambda.FailedEntries?.[0]?.ErrorMessage ?? "", /does not deliver events to lambda targets/);
  const letters = await target({ DeadLetterConfig: { Arn: `arn:aws:sqs:${region}:${stepwell.account}:q` } });
  assert.match(letters.FailedEntries?.[0]?.ErrorMessage ?? "", /DeadLetterConfig/);
  assert.deepEqual((await send(new sdk.ListTargetsByRuleCommand({ Rule: "refusing" }))).Targets, []);
  const Targets = Array.from({ length: 6 }, (_, n) => ({ Id: `t${n}`, Arn: machineArn, RoleArn: roleArn }));
  await assert.rejects(send(new sdk.PutTargetsCommand({ Rule: "refusing", Targets })), {
    name: "LimitExceededException",
  });
});

void test("PutTargets asks whether the caller may pass the role", async () => {
  await send(new sdk.PutRuleCommand({ Name: "passing", EventPattern: '{"source":["pass"]}' }));
  await stepwell.as.iam.send(new CreateUserCommand({ UserName: "poor" }));
  const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "events:*", Resource: "*" }] };
  await stepwell.as.iam.send(
    new PutUserPolicyCommand({ UserName: "poor", PolicyName: "p", PolicyDocument: JSON.stringify(policy) }),
  );
  const { AccessKey } = await stepwell.as.iam.send(new CreateAccessKeyCommand({ UserName: "poor" }));
  const poor = stepwell.client({
    accessKeyId: AccessKey?.AccessKeyId ?? "",
    secretAccessKey: AccessKey?.SecretAccessKey ?? "",
  });
  await assert.rejects(
    poor.events.send(
      new sdk.PutTargetsCommand({ Rule: "passing", Targets: [{ Id: "1", Arn: machineArn, RoleArn: roleArn }] }),
    ),
    failsWith("AccessDeniedException", /is not authorized to perform: iam:PassRole on resource: .*role\/rule/),
  );
});

void test("custom buses have their own rules, and pass events on with their envelope", async () => {
  const { EventBusArn } = await send(new sdk.CreateEventBusCommand({ Name: "orders", Description: "d" }));
  await assert.rejects(
    send(new sdk.CreateEventBusCommand({ Name: "orders" })),
    failsWith("ResourceAlreadyExistsException", "Event bus orders already exists."),
  );
  await ruleTo("on-orders", { source: ["hop"] }, {}, "orders");
  assert.equal(
    (await send(new sdk.DescribeRuleCommand({ Name: "on-orders", EventBusName: "orders" }))).Arn,
    `arn:aws:events:${region}:${stepwell.account}:rule/orders/on-orders`,
  );
  const straight = await put("hop", { n: 1 }, { EventBusName: EventBusArn });
  assert.equal((await executions(straight.Entries?.[0]?.EventId ?? "-", 1)).length, 1);
  await ruleTo("pass-on", { source: ["hop"] }, { Arn: EventBusArn });
  const passed = await put("hop", { n: 2 });
  const [started] = await executions(passed.Entries?.[0]?.EventId ?? "-", 1);
  assert.deepEqual((started?.input as { detail: unknown } | undefined)?.detail, { n: 2 });
  await assert.rejects(
    send(new sdk.PutRuleCommand({ Name: "s", ScheduleExpression: "rate(1 minute)", EventBusName: "orders" })),
    failsWith("ValidationException", "ScheduleExpression is supported only on the default event bus."),
  );
  await assert.rejects(send(new sdk.DeleteEventBusCommand({ Name: "orders" })), /can't be deleted since it has rules/);
  const listed = await send(new sdk.ListEventBusesCommand({}));
  assert.deepEqual(
    listed.EventBuses?.map(({ Name }) => Name),
    ["default", "orders"],
  );
});

void test("permissions on a bus are statements of its policy", async () => {
  await send(
    new sdk.PutPermissionCommand({ Action: "events:PutEvents", Principal: "111122223333", StatementId: "one" }),
  );
  await send(new sdk.PutPermissionCommand({ Action: "events:PutEvents", Principal: "*", StatementId: "two" }));
  const { Policy } = await send(new sdk.DescribeEventBusCommand({}));
  const statements = (JSON.parse(Policy ?? "") as { Statement: { Sid: string; Principal: unknown }[] }).Statement;
  assert.deepEqual(
    statements.map(({ Sid, Principal }) => [Sid, Principal]),
    [
      ["one", { AWS: "arn:aws:iam::111122223333:root" }],
      ["two", "*"],
    ],
  );
  await assert.rejects(send(new sdk.RemovePermissionCommand({ StatementId: "three" })), {
    name: "ResourceNotFoundException",
  });
  await send(new sdk.RemovePermissionCommand({ RemoveAllPermissions: true }));
  assert.equal((await send(new sdk.DescribeEventBusCommand({}))).Policy, undefined);
});

void test("another account puts events on a bus whose policy lets it, and no other", async () => {
  const { accessKeyId = "", secretAccessKey = "" } = (await accountAnswer(
    stepwell.node.parts,
    "111122223333",
  )) as Partial<Key>;
  const stranger = stepwell.client({ accessKeyId, secretAccessKey });
  const EventBusName = `arn:aws:events:${region}:${stepwell.account}:event-bus/default`;
  const Entries = [{ Source: "stranger", DetailType: "t", Detail: "{}", EventBusName }];
  await assert.rejects(
    stranger.events.send(new sdk.PutEventsCommand({ Entries })),
    failsWith("AccessDeniedException", /events:PutEvents/),
  );
  await send(
    new sdk.PutPermissionCommand({ Action: "events:PutEvents", Principal: "111122223333", StatementId: "guest" }),
  );
  await ruleTo("guests", { source: ["stranger"], account: ["111122223333"] });
  const { Entries: results = [] } = await stranger.events.send(new sdk.PutEventsCommand({ Entries }));
  assert.equal((await executions(results[0]?.EventId ?? "-", 1)).length, 1);
});

void test("nothing was refused or failed unseen", async () => {
  assert.deepEqual(stepwell.logged, []);
});
