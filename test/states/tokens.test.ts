import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateBucketCommand, GetObjectCommand } from "@aws-sdk/client-s3";
import {
  DescribeExecutionCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, history, roleFor, start, taskMachine } from "./fixture.ts";

const PATIENCE_MS = 30_000;

for (const store of stores)
  describe(`task tokens on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "able", ["s3:*", "states:*"]);
      await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "tokens" }));
    });
    after(() => stepwell.close());

    /** Starts an execution whose task writes its token into the bucket and waits. */
    async function waiting(key: string, more: Readonly<Record<string, unknown>> = {}) {
      const parameters = { Bucket: "tokens", Key: key, "Body.$": "$$.Task.Token" };
      const definition = taskMachine("arn:aws:states:::aws-sdk:s3:putObject.waitForTaskToken", parameters, more);
      const executionArn = await start(stepwell, await create(stepwell, key, definition, roleArn));
      return { executionArn, taskToken: await tokenIn(key) };
    }
    function tokenIn(key: string): Promise<string> {
      return eventually(async () => {
        try {
          const object = await stepwell.as.s3.send(new GetObjectCommand({ Bucket: "tokens", Key: key }));
          return await object.Body?.transformToString();
        } catch {
          return undefined;
        }
      }, PATIENCE_MS);
    }
    /** Waits until the task's Submitted event is there, so that the order of events is certain. */
    const submitted = (executionArn: string) =>
      eventually(async () => {
        const events = await history(stepwell, executionArn);
        return events.find(({ type }) => type === "TaskSubmitted");
      }, PATIENCE_MS);

    test("an answer ends the task, once", async () => {
      const { executionArn, taskToken } = await waiting("answered");
      assert.ok(taskToken.length > 500 && taskToken.length <= 2048, `a token of ${taskToken.length} characters`);
      const event = await submitted(executionArn);
      assert.equal(event.taskSubmittedEventDetails?.resource, "putObject.waitForTaskToken");
      const { states } = stepwell.as;
      await states.send(new SendTaskSuccessCommand({ taskToken, output: '{"n":1.0}' }));
      const end = await ended(stepwell, executionArn);
      assert.deepEqual([end.status, end.output], ["SUCCEEDED", '{"n":1.0}']);
      const types = (await history(stepwell, executionArn)).map(({ type }) => type);
      assert.deepEqual(types.slice(2, 6), ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]);
      await assert.rejects(states.send(new SendTaskSuccessCommand({ taskToken, output: "{}" })), {
        name: "TaskTimedOut",
        message: "Task Timed Out: 'Provided task does not exist anymore'",
      });
    });

    test("a failure has the error and the cause that were given, or neither", async () => {
      const named = await waiting("named-failure");
      await submitted(named.executionArn);
      const failure = { error: "Mine", cause: "because" };
      await stepwell.as.states.send(new SendTaskFailureCommand({ taskToken: named.taskToken, ...failure }));
      const end = await ended(stepwell, named.executionArn);
      assert.deepEqual([end.status, end.error, end.cause], ["FAILED", "Mine", "because"]);
      const silent = await waiting("silent-failure");
      await submitted(silent.executionArn);
      await stepwell.as.states.send(new SendTaskFailureCommand({ taskToken: silent.taskToken }));
      const silentEnd = await ended(stepwell, silent.executionArn);
      assert.deepEqual([silentEnd.status, silentEnd.error], ["FAILED", undefined]);
      const failed = (await history(stepwell, silent.executionArn)).find(({ type }) => type === "TaskFailed");
      assert.deepEqual(failed?.taskFailedEventDetails, {
        resource: "putObject.waitForTaskToken",
        resourceType: "aws-sdk:s3",
      });
    });

    test("what is no token is refused, and so is an output that is no JSON", async () => {
      const { executionArn, taskToken } = await waiting("refusals");
      const { states } = stepwell.as;
      const altered = `${taskToken.slice(0, -8)}${taskToken.endsWith("AAAAAAA=") ? "BBBBBBB=" : "AAAAAAA="}`;
      for (const wrong of ["nonsense", altered, `${taskToken}A`, taskToken.slice(4)])
        await assert.rejects(states.send(new SendTaskHeartbeatCommand({ taskToken: wrong })), {
          name: "InvalidToken",
          message: "Invalid Token: 'Invalid token'",
        });
      await assert.rejects(states.send(new SendTaskSuccessCommand({ taskToken, output: "not json" })), {
        name: "InvalidOutput",
      });
      await states.send(new StopExecutionCommand({ executionArn }));
      await assert.rejects(states.send(new SendTaskSuccessCommand({ taskToken, output: "{}" })), {
        name: "TaskTimedOut",
      });
    });

    test("a heartbeat that does not come fails the task, under either name", async () => {
      const machine = JSON.parse(
        taskMachine(
          "arn:aws:states:::aws-sdk:s3:putObject.waitForTaskToken",
          { Bucket: "tokens", Key: "heartbeat", "Body.$": "$$.Task.Token" },
          { HeartbeatSeconds: 1, Catch: [{ ErrorEquals: ["States.HeartbeatTimeout"], Next: "Caught" }] },
        ),
      ) as { States: Record<string, unknown> };
      machine.States["Caught"] = { Type: "Pass", End: true };
      const executionArn = await start(stepwell, await create(stepwell, "heartbeat", JSON.stringify(machine), roleArn));
      const taskToken = await tokenIn("heartbeat");
      await stepwell.as.states.send(new SendTaskHeartbeatCommand({ taskToken })).catch((error: Error) => {
        // The machine on which this runs may be slower than the heartbeat.
        assert.equal(error.name, "TaskTimedOut");
      });
      const end = await ended(stepwell, executionArn);
      assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
      assert.equal((JSON.parse(end.output ?? "") as { Error: string }).Error, "States.Timeout");
      const timedOut = (await history(stepwell, executionArn)).find(({ type }) => type === "TaskTimedOut");
      assert.equal(timedOut?.taskTimedOutEventDetails?.error, "States.Timeout");
    });

    test("a retry has a token of its own, and answers to the old one come too late", async () => {
      const { executionArn, taskToken } = await waiting("retried", {
        Retry: [{ ErrorEquals: ["Again"], IntervalSeconds: 1, MaxAttempts: 1 }],
      });
      const { states } = stepwell.as;
      await submitted(executionArn);
      await states.send(new SendTaskFailureCommand({ taskToken, error: "Again" }));
      const second = await eventually(async () => {
        const token = await tokenIn("retried");
        return token === taskToken ? undefined : token;
      }, PATIENCE_MS);
      await assert.rejects(states.send(new SendTaskSuccessCommand({ taskToken, output: '"late"' })), {
        name: "TaskTimedOut",
      });
      await states.send(new SendTaskSuccessCommand({ taskToken: second, output: '"in time"' }));
      assert.equal((await ended(stepwell, executionArn)).output, '"in time"');
    });

    test("a request that is refused is TaskSubmitFailed", async () => {
      const parameters = { Bucket: "absent", Key: "k", "Body.$": "$$.Task.Token" };
      const definition = taskMachine("arn:aws:states:::aws-sdk:s3:putObject.waitForTaskToken", parameters);
      const executionArn = await start(stepwell, await create(stepwell, "submit-failed", definition, roleArn));
      const end = await ended(stepwell, executionArn);
      assert.equal(end.error, "S3.NoSuchBucketException");
      const types = (await history(stepwell, executionArn)).map(({ type }) => type);
      assert.deepEqual(types.slice(2, 5), ["TaskScheduled", "TaskStarted", "TaskSubmitFailed"]);
    });

    test("a token outlives a restart", async () => {
      const { executionArn, taskToken } = await waiting("restart");
      await submitted(executionArn);
      stepwell = await stepwell.reopen();
      const { states } = stepwell.as;
      assert.equal((await states.send(new DescribeExecutionCommand({ executionArn }))).status, "RUNNING");
      await states.send(new SendTaskSuccessCommand({ taskToken, output: '"after"' }));
      assert.equal((await ended(stepwell, executionArn)).output, '"after"');
    });
  });
