import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateRoleCommand, PutRolePolicyCommand, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { accountAnswer } from "../../src/iam/account-endpoint.ts";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Key, type Stepwell } from "../support/stepwell.ts";
import { create, ended, HELLO, history, roleFor, start, taskMachine, WAITING } from "./fixture.ts";

const SYNC = "arn:aws:states:::states:startExecution.sync";
type Envelope = Readonly<Record<string, unknown>>;

for (const store of stores)
  describe(`nested executions on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "able", ["states:*"]);
    });
    after(() => stepwell.close());
    /** Starts a parent that waits for a child of the machine. */
    async function parent(name: string, child: string, parameters: object = {}, resource = SYNC): Promise<string> {
      const definition = taskMachine(resource, { StateMachineArn: child, ...parameters });
      return start(stepwell, await create(stepwell, name, definition, roleArn));
    }
    const childOf = (stateMachineArn: string) =>
      eventually(async () => {
        const { executions } = await stepwell.as.states.send(new ListExecutionsCommand({ stateMachineArn }));
        return executions?.[0]?.executionArn;
      }, 30_000);
    const submitted = (executionArn: string) =>
      eventually(async () => {
        const events = await history(stepwell, executionArn);
        return events.some(({ type }) => type === "TaskSubmitted") || undefined;
      }, 30_000);

    test("the parent goes on with the child's description when the child has ended", async () => {
      const child = await create(stepwell, "hello", HELLO, roleArn);
      const executionArn = await parent("sync", child, { Name: "of-parent", Input: { a: [1.5] } });
      const end = await ended(stepwell, executionArn);
      assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
      const envelope = JSON.parse(end.output ?? "") as Envelope;
      assert.deepEqual(Object.keys(envelope), [
        "ExecutionArn",
        "Input",
        "InputDetails",
        "Name",
        "Output",
        "OutputDetails",
        "RedriveCount",
        "RedriveStatus",
        "RedriveStatusReason",
        "StartDate",
        "StateMachineArn",
        "Status",
        "StopDate",
      ]);
      assert.deepEqual([envelope["Input"], envelope["Output"]], ['{"a":[1.5]}', '"Hello World!"']);
      assert.equal(typeof envelope["StartDate"], "number");
      const events = await history(stepwell, executionArn);
      assert.deepEqual(events.map(({ type }) => type).slice(2, 6), [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
      ]);
      const answer = JSON.parse(events[4]?.taskSubmittedEventDetails?.output ?? "") as Envelope;
      assert.deepEqual(Object.keys(answer), ["ExecutionArn", "SdkHttpMetadata", "SdkResponseMetadata", "StartDate"]);
    });

    test("sync:2 gives the child's input and output as JSON; a null input is an empty one", async () => {
      const child = await create(stepwell, "hello-2", HELLO, roleArn);
      const executionArn = await parent("sync-2", child, { Input: null }, `${SYNC}:2`);
      const end = await ended(stepwell, executionArn);
      const envelope = JSON.parse(end.output ?? "") as Envelope;
      assert.deepEqual([envelope["Input"], envelope["Output"]], [{}, "Hello World!"]);
    });

    test("a failed child fails the task, with the child's description for the cause", async () => {
      const failing = { StartAt: "No", States: { No: { Type: "Fail", Error: "Mine", Cause: "because" } } };
      const child = await create(stepwell, "failing", JSON.stringify(failing), roleArn);
      const end = await ended(stepwell, await parent("sync-failing", child));
      assert.equal(end.error, "States.TaskFailed");
      const cause = JSON.parse(end.cause ?? "") as Envelope;
      assert.deepEqual([cause["Error"], cause["Cause"], cause["Status"]], ["Mine", "because", "FAILED"]);
    });

    test("a child that takes its time is waited for, across a restart", async () => {
      const child = await create(stepwell, "slow", WAITING, roleArn);
      const executionArn = await parent("sync-slow", child);
      await submitted(executionArn);
      stepwell = await stepwell.reopen();
      await stepwell.as.states.send(
        new StopExecutionCommand({ executionArn: await childOf(child), error: "Enough", cause: "of it" }),
      );
      const end = await ended(stepwell, executionArn);
      assert.equal(end.error, "States.TaskFailed");
      const cause = JSON.parse(end.cause ?? "") as Envelope;
      assert.deepEqual([cause["Error"], cause["Status"]], ["Enough", "ABORTED"]);
    });

    test("the parent's stop stops the child, and so does the task's timeout", async () => {
      const child = await create(stepwell, "stopped", WAITING, roleArn);
      const executionArn = await parent("sync-stopped", child);
      await submitted(executionArn);
      await stepwell.as.states.send(new StopExecutionCommand({ executionArn }));
      assert.equal((await ended(stepwell, await childOf(child))).status, "ABORTED");
      const another = await create(stepwell, "late", WAITING, roleArn);
      const definition = taskMachine(SYNC, { StateMachineArn: another }, { TimeoutSeconds: 1 });
      const late = await start(stepwell, await create(stepwell, "sync-late", definition, roleArn));
      assert.equal((await ended(stepwell, late)).error, "States.Timeout");
      assert.equal((await ended(stepwell, await childOf(another))).status, "ABORTED");
    });

    test("a start that is refused is TaskSubmitFailed, and nothing was started", async () => {
      const absent = `arn:aws:states:us-east-1:${stepwell.account}:stateMachine:absent`;
      const executionArn = await parent("sync-absent", absent);
      const end = await ended(stepwell, executionArn);
      assert.equal(end.error, "StepFunctions.StateMachineDoesNotExistException");
      const types = (await history(stepwell, executionArn)).map(({ type }) => type);
      assert.deepEqual(types.slice(2, 5), ["TaskScheduled", "TaskStarted", "TaskSubmitFailed"]);
      const unable = await roleFor(stepwell, "unable", []);
      const child = await create(stepwell, "untouched", HELLO, roleArn);
      const definition = taskMachine(SYNC, { StateMachineArn: child });
      const denied = await start(stepwell, await create(stepwell, "sync-denied", definition, unable));
      assert.equal((await ended(stepwell, denied)).error, "StepFunctions.AWSStepFunctionsException");
      const { executions } = await stepwell.as.states.send(new ListExecutionsCommand({ stateMachineArn: child }));
      assert.deepEqual(executions, []);
    });

    test("a task's Credentials start the child in another account, as that account's role", async () => {
      const OTHER = "210987654321";
      const { iam, states } = stepwell.client((await accountAnswer(stepwell.node.parts, OTHER)) as Key);
      const trust = (Principal: object) =>
        JSON.stringify({
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Principal, Action: "sts:AssumeRole" }],
        });
      const made = await iam.send(
        new CreateRoleCommand({
          RoleName: "lent",
          AssumeRolePolicyDocument: trust({ AWS: roleArn, Service: "states.amazonaws.com" }),
        }),
      );
      const lent = made.Role?.Arn ?? "";
      const child = await states.send(
        new CreateStateMachineCommand({ name: "there", definition: WAITING, roleArn: lent }),
      );
      const PolicyDocument = JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "states:StartExecution", Resource: child.stateMachineArn }],
      });
      await iam.send(new PutRolePolicyCommand({ RoleName: "lent", PolicyName: "start", PolicyDocument }));
      const definition = taskMachine(
        SYNC,
        { StateMachineArn: child.stateMachineArn },
        { Credentials: { "RoleArn.$": "$.role" } },
      );
      const able = await roleFor(stepwell, "lender", ["sts:AssumeRole"]);
      const machine = await create(stepwell, "across", definition, able);
      const denied = await ended(stepwell, await start(stepwell, machine, { role: lent }));
      assert.deepEqual([denied.status, denied.error], ["FAILED", "States.TaskFailed"]);
      assert.match(denied.cause ?? "", /is not authorized to assume the task state's role/);
      await iam.send(
        new UpdateAssumeRolePolicyCommand({
          RoleName: "lent",
          PolicyDocument: trust({ AWS: able, Service: "states.amazonaws.com" }),
        }),
      );
      const executionArn = await start(stepwell, machine, { role: lent });
      await submitted(executionArn);
      const { executions } = await states.send(
        new ListExecutionsCommand({ stateMachineArn: child.stateMachineArn ?? "" }),
      );
      const there = executions?.[0]?.executionArn ?? "";
      assert.equal(there.split(":")[4], OTHER);
      await states.send(new StopExecutionCommand({ executionArn: there, error: "Enough" }));
      const end = await ended(stepwell, executionArn);
      assert.equal((JSON.parse(end.cause ?? "") as Envelope)["Error"], "Enough");
      const [scheduled] = (await history(stepwell, executionArn)).filter(({ type }) => type === "TaskScheduled");
      assert.equal(scheduled?.taskScheduledEventDetails?.taskCredentials?.roleArn, lent);
    });

    test("a chain of three comes back to the first", async () => {
      const last = await create(stepwell, "last", HELLO, roleArn);
      const middleDefinition = taskMachine(`${SYNC}:2`, { StateMachineArn: last }, { OutputPath: "$.Output" });
      const middle = await create(stepwell, "middle", middleDefinition, roleArn);
      const firstDefinition = taskMachine(`${SYNC}:2`, { StateMachineArn: middle }, { OutputPath: "$.Output" });
      const first = await start(stepwell, await create(stepwell, "first", firstDefinition, roleArn));
      assert.equal((await ended(stepwell, first)).output, '"Hello World!"');
      const described = await stepwell.as.states.send(new DescribeExecutionCommand({ executionArn: first }));
      assert.equal(described.status, "SUCCEEDED");
    });
  });
