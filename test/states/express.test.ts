import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, before, describe, test } from "node:test";
import { PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateRoleCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import {
  CreateStateMachineAliasCommand,
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  PublishStateMachineVersionCommand,
  SFNClient,
  StartExecutionCommand,
  StartSyncExecutionCommand,
  StopExecutionCommand,
  UpdateStateMachineCommand,
} from "@aws-sdk/client-sfn";
import type { Hop } from "../../src/relay/story.ts";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, HELLO, roleFor, start, taskMachine } from "./fixture.ts";
import { groupArn, logged } from "./logs.ts";

const FAILING = JSON.stringify({ StartAt: "F", States: { F: { Type: "Fail", Error: "Own", Cause: "because" } } });
/** Waits for a second, then says so. */
const SHORT_WAIT = JSON.stringify({
  StartAt: "Rest",
  States: { Rest: { Type: "Wait", Seconds: 1, Next: "Done" }, Done: { Type: "Pass", Result: "rested", End: true } },
});

for (const store of stores)
  describe(`express executions on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    let hello: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "machine-role", ["s3:*", "events:PutEvents", "states:*"]);
      hello = await express("hello", HELLO);
    });
    after(() => stepwell.close());

    async function express(name: string, definition: string, level: "ALL" | "OFF" = "OFF"): Promise<string> {
      const destinations = [{ cloudWatchLogsLogGroup: { logGroupArn: groupArn(stepwell, name) } }];
      const made = await stepwell.as.states.send(
        new CreateStateMachineCommand({
          name,
          definition,
          roleArn,
          type: "EXPRESS",
          loggingConfiguration: { level, includeExecutionData: true, destinations },
        }),
      );
      return made.stateMachineArn ?? "";
    }
    const sync = (stateMachineArn: string, more: { name?: string; input?: string } = {}) =>
      stepwell.as.states.send(new StartSyncExecutionCommand({ stateMachineArn, ...more }));
    const failsWith = (name: string, message: string | RegExp) => (error: Error) => {
      assert.equal(error.name, name);
      if (typeof message === "string") assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    };

    test("the type of a machine is kept, told, and part of its identity", async () => {
      const { states } = stepwell.as;
      const described = await states.send(new DescribeStateMachineCommand({ stateMachineArn: hello }));
      assert.equal(described.type, "EXPRESS");
      const { stateMachines } = await states.send(new ListStateMachinesCommand({}));
      assert.equal(stateMachines?.find(({ stateMachineArn }) => stateMachineArn === hello)?.type, "EXPRESS");
      const again = states.send(new CreateStateMachineCommand({ name: "hello", definition: HELLO, roleArn }));
      await assert.rejects(again, failsWith("StateMachineAlreadyExists", /hello'$/));
      const pattern = states.send(
        new CreateStateMachineCommand({
          name: "sync",
          definition: taskMachine("arn:aws:states:::states:startExecution.sync", { StateMachineArn: hello }),
          roleArn,
          type: "EXPRESS",
        }),
      );
      const sentence = "Express state machine does not support '.sync' service integration ";
      await assert.rejects(
        pattern,
        failsWith(
          "InvalidDefinition",
          `Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ${sentence} at /States/Do/Resource'`,
        ),
      );
      const activity = `arn:aws:states:us-east-1:${stepwell.account}:activity:a`;
      const updated = states.send(
        new UpdateStateMachineCommand({ stateMachineArn: hello, definition: taskMachine(activity, {}) }),
      );
      await assert.rejects(updated, failsWith("InvalidDefinition", /does not support Activity ARN/));
    });

    test("a synchronous execution answers with its result", async () => {
      const answer = await sync(hello, { name: "mine", input: '{"a":1.0}' });
      const { executionArn = "", startDate, stopDate, $metadata, ...rest } = answer;
      const prefix = `arn:aws:states:us-east-1:${stepwell.account}:express:hello:mine:`;
      assert.ok(executionArn.startsWith(prefix) && /^[0-9a-f-]{36}$/.test(executionArn.slice(prefix.length)));
      assert.ok(startDate && stopDate && stopDate >= startDate);
      assert.equal($metadata.httpStatusCode, 200);
      assert.deepEqual(rest, {
        stateMachineArn: hello,
        name: "mine",
        status: "SUCCEEDED",
        input: '{"a":1.0}',
        inputDetails: { included: true },
        output: '"Hello World!"',
        outputDetails: { included: true },
        billingDetails: { billedDurationInMilliseconds: 100, billedMemoryUsedInMB: 64 },
      });
    });

    test("a synchronous execution that fails or runs out of time is answered all the same", async () => {
      const failed = await sync(await express("failing", FAILING));
      assert.deepEqual([failed.status, failed.error, failed.cause], ["FAILED", "Own", "because"]);
      assert.equal(failed.output, undefined);
      const endless = { StartAt: "A", TimeoutSeconds: 1, States: { A: { Type: "Wait", Seconds: 200, End: true } } };
      const late = await sync(await express("late", JSON.stringify(endless)));
      assert.deepEqual([late.status, late.error], ["TIMED_OUT", "States.Timeout"]);
      const { billedDurationInMilliseconds = 0 } = late.billingDetails ?? {};
      assert.ok(billedDurationInMilliseconds >= 1000 && billedDurationInMilliseconds % 100 === 0);
    });

    test("a version goes on as it was published, an alias says which one runs", async () => {
      const { states } = stepwell.as;
      const stateMachineArn = await express("versioned", HELLO, "ALL");
      const published = await states.send(new PublishStateMachineVersionCommand({ stateMachineArn }));
      const { stateMachineVersionArn = "" } = published;
      const routingConfiguration = [{ stateMachineVersionArn, weight: 100 }];
      const alias = new CreateStateMachineAliasCommand({ name: "PROD", routingConfiguration });
      const { stateMachineAliasArn = "" } = await states.send(alias);
      await states.send(new UpdateStateMachineCommand({ stateMachineArn, definition: FAILING }));
      assert.equal((await sync(stateMachineArn)).status, "FAILED");
      assert.equal((await sync(stateMachineVersionArn)).status, "SUCCEEDED");
      const aliased = await sync(stateMachineAliasArn);
      assert.deepEqual([aliased.status, aliased.stateMachineArn], ["SUCCEEDED", stateMachineArn]);
      const executionArn = await start(stepwell, stateMachineAliasArn);
      const entries = await logged(stepwell, "versioned");
      for (const arn of [aliased.executionArn, executionArn]) {
        const { details } = entries.find(({ execution_arn }) => execution_arn === arn) ?? {};
        const { stateMachineVersionArn: version, stateMachineAliasArn: through } = details ?? {};
        assert.deepEqual([version, through], [stateMachineVersionArn, stateMachineAliasArn]);
      }
    });

    test("without data the answer tells of none", async () => {
      const answer = await stepwell.as.states.send(
        new StartSyncExecutionCommand({ stateMachineArn: hello, includedData: "METADATA_ONLY" }),
      );
      assert.deepEqual([answer.input, answer.output], [undefined, undefined]);
      assert.deepEqual([answer.inputDetails, answer.outputDetails], [{ included: false }, { included: false }]);
    });

    test("each type of machine refuses what only the other can do", async () => {
      const { states } = stepwell.as;
      const standard = await create(stepwell, "standard", HELLO, roleArn);
      const refusal = failsWith(
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
      );
      await assert.rejects(sync(standard), refusal);
      await assert.rejects(states.send(new ListExecutionsCommand({ stateMachineArn: hello })), refusal);
      const executionArn = await start(stepwell, hello);
      const wrongType = failsWith("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'");
      await assert.rejects(states.send(new DescribeExecutionCommand({ executionArn })), wrongType);
      await assert.rejects(states.send(new GetExecutionHistoryCommand({ executionArn })), wrongType);
      await assert.rejects(states.send(new StopExecutionCommand({ executionArn })), wrongType);
    });

    test("waits, retries and tasks go on in memory", async () => {
      const waited = await sync(await express("short", SHORT_WAIT));
      assert.deepEqual([waited.status, waited.output], ["SUCCEEDED", '"rested"']);
      const retry = [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 1, MaxAttempts: 1 }];
      const caught = [{ ErrorEquals: ["S3.NoSuchBucketException"], Next: "Handled" }];
      const definition = JSON.stringify({
        StartAt: "Get",
        States: {
          Get: {
            Type: "Task",
            Resource: "arn:aws:states:::aws-sdk:s3:listObjectsV2",
            Parameters: { Bucket: "nobodys-bucket" },
            Retry: retry,
            Catch: caught,
            End: true,
          },
          Handled: { Type: "Pass", Parameters: { "error.$": "$.Error" }, End: true },
        },
      });
      const stateMachineArn = await express("retrying", definition, "ALL");
      const answer = await sync(stateMachineArn);
      assert.deepEqual([answer.status, answer.output], ["SUCCEEDED", '{"error":"S3.NoSuchBucketException"}']);
      const types = (await logged(stepwell, "retrying")).map(({ type }) => type);
      assert.equal(types.filter((type) => type === "TaskFailed").length, 2);
    });

    test("the same name is another execution every time, and each is seen in the log", async () => {
      const stateMachineArn = await express("logging", HELLO, "ALL");
      const input = { stateMachineArn, name: "same", input: "{}" };
      const first = await stepwell.as.states.send(new StartExecutionCommand(input));
      const second = await stepwell.as.states.send(new StartExecutionCommand(input));
      assert.notEqual(first.executionArn, second.executionArn);
      const entries = await logged(stepwell, "logging");
      assert.deepEqual(
        new Set(entries.map(({ execution_arn }) => execution_arn)),
        new Set([first.executionArn, second.executionArn]),
      );
      const last = entries.findLast(({ execution_arn }) => execution_arn === first.executionArn);
      assert.deepEqual(
        { ...last, event_timestamp: "" },
        {
          id: "4",
          type: "ExecutionSucceeded",
          details: { output: '"Hello World!"', outputDetails: { truncated: false } },
          previous_event_id: "3",
          event_timestamp: "",
          execution_arn: first.executionArn,
          redrive_count: "0",
        },
      );
    });

    test("an accepted execution ends though the node stops in between", async () => {
      const definition = SHORT_WAIT.replace('"Seconds":1', '"Seconds":2');
      const stateMachineArn = await express("surviving", definition, "ALL");
      const executionArn = await start(stepwell, stateMachineArn);
      assert.match(executionArn, /:express:surviving:/);
      stepwell = await stepwell.reopen();
      const entries = await eventually(async () => {
        const found = await logged(stepwell, "surviving");
        return found.some(({ type }) => type === "ExecutionSucceeded") ? found : undefined;
      }, 30_000);
      assert.deepEqual(new Set(entries.map(({ execution_arn }) => execution_arn)), new Set([executionArn]));
    });

    test("an execution that never rests lets others go on, and ends in time", async () => {
      const definition = JSON.stringify({
        StartAt: "A",
        TimeoutSeconds: 2,
        States: {
          A: { Type: "Pass", Next: "B" },
          B: { Type: "Choice", Choices: [{ Variable: "$.end", IsPresent: true, Next: "C" }], Default: "A" },
          C: { Type: "Succeed" },
        },
      });
      const stateMachineArn = await express("busy", definition, "ALL");
      const busy = sync(stateMachineArn);
      assert.equal((await sync(hello)).status, "SUCCEEDED");
      assert.equal((await busy).status, "TIMED_OUT");
      const entries = await logged(stepwell, "busy");
      assert.ok(entries.length > 1_000);
      assert.deepEqual([entries[0]?.type, entries.at(-1)?.type], ["ExecutionStarted", "ExecutionTimedOut"]);
    });

    test("the story of a call tells how its execution ended", async () => {
      const failing = await express("told", FAILING);
      const accepted = await start(stepwell, failing);
      const { executionArn = "" } = await sync(hello);
      const rows = await stepwell.node.parts.store.read((reader) =>
        reader.all<{ hops: string }>("select hops from flow"),
      );
      const hops = rows.flatMap((row) => JSON.parse(row.hops) as Hop[]);
      const told = (arn: string) =>
        hops.filter(({ subject }) => subject === arn).map(({ hop, outcome, reason }) => [hop, outcome, reason]);
      const begun = ["execution", "ok", undefined];
      assert.deepEqual(told(accepted), [begun, ["result", "dead end", "FAILED: Own: because"]]);
      assert.deepEqual(told(executionArn), [begun, ["result", "ok", undefined]]);
    });

    test("a Task starts an Express execution and goes on", async () => {
      const child = await express("child", HELLO, "ALL");
      const resource = "arn:aws:states:::states:startExecution";
      const definition = taskMachine(resource, { StateMachineArn: child, Input: { a: 1 } });
      const parent = await create(stepwell, "parent", definition, roleArn);
      const described = await ended(stepwell, await start(stepwell, parent));
      assert.equal(described.status, "SUCCEEDED");
      assert.match(described.output ?? "", /:express:child:/);
      const nested = await sync(await express("express-parent", definition));
      assert.equal(nested.status, "SUCCEEDED");
      assert.match(nested.output ?? "", /:express:child:/);
      const entries = await logged(stepwell, "child");
      assert.equal(entries.filter(({ type }) => type === "ExecutionSucceeded").length, 2);
    });

    test("a Task waits for a synchronous execution and gets its answer", async () => {
      const resource = "arn:aws:states:::aws-sdk:sfn:startSyncExecution";
      const parent = await create(stepwell, "waits", taskMachine(resource, { StateMachineArn: hello }), roleArn);
      const described = await ended(stepwell, await start(stepwell, parent));
      const { Status, Output, BillingDetails } = JSON.parse(described.output ?? "{}") as Readonly<
        Record<string, unknown>
      >;
      assert.deepEqual([described.status, Status, Output], ["SUCCEEDED", "SUCCEEDED", '"Hello World!"']);
      assert.deepEqual(BillingDetails, { BilledDurationInMilliseconds: 100, BilledMemoryUsedInMB: 64 });
    });

    test("a rule's target may be an Express machine", async () => {
      const { events, iam } = stepwell.as;
      const target = await express("target", HELLO, "ALL");
      const trust = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: "events.amazonaws.com" }, Action: "sts:AssumeRole" }],
      };
      const policy = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "states:StartExecution", Resource: target }],
      };
      const RoleName = "rule-role";
      const { Role } = await iam.send(
        new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trust) }),
      );
      await iam.send(
        new PutRolePolicyCommand({ RoleName, PolicyName: "start", PolicyDocument: JSON.stringify(policy) }),
      );
      await events.send(new PutRuleCommand({ Name: "express", EventPattern: '{"source":["own"]}' }));
      const Targets = [{ Id: "1", Arn: target, RoleArn: Role?.Arn }];
      await events.send(new PutTargetsCommand({ Rule: "express", Targets }));
      await events.send(new PutEventsCommand({ Entries: [{ Source: "own", DetailType: "d", Detail: '{"n":1}' }] }));
      const entries = await eventually(async () => {
        const found = await logged(stepwell, "target");
        return found.length === 4 ? found : undefined;
      }, 30_000);
      assert.match(String(entries[0]?.details["input"]), /"detail":\{"n":1\}/);
      assert.equal(entries[3]?.type, "ExecutionSucceeded");
    });

    test("clients may put sync- before the host's name", async () => {
      const { port } = new URL(stepwell.endpoint);
      const asked: string[] = [];
      const httpAgent = new Agent({
        lookup(hostname, options, callback) {
          asked.push(hostname);
          if (options.all === true) callback(null, [{ address: "127.0.0.1", family: 4 }]);
          else callback(null, "127.0.0.1", 4);
        },
      });
      const client = new SFNClient({
        endpoint: `http://localhost:${port}`,
        region: stepwell.region,
        credentials: stepwell.key,
        maxAttempts: 1,
        requestHandler: { httpAgent },
      });
      const answer = await client.send(new StartSyncExecutionCommand({ stateMachineArn: hello }));
      client.destroy();
      assert.equal(answer.status, "SUCCEEDED");
      assert.deepEqual(asked, ["sync-localhost"]);
    });
  });
