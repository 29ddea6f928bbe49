import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  RedriveExecutionCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  StopExecutionCommand,
  CreateActivityCommand,
  GetActivityTaskCommand,
  type HistoryEvent,
} from "@aws-sdk/client-sfn";
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateUserCommand,
} from "@aws-sdk/client-iam";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, history, roleFor, start, WAITING } from "./fixture.ts";

const LIMIT_MS = 30_000;

for (const store of stores)
  describe(`redrive on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    let activityArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "machine-role", []);
      const made = await stepwell.as.states.send(new CreateActivityCommand({ name: "work" }));
      activityArn = made.activityArn ?? "";
    });
    after(() => stepwell.close());
    const states = () => stepwell.as.states;
    const redrive = (executionArn: string, clientToken?: string) =>
      states().send(new RedriveExecutionCommand({ executionArn, ...(clientToken !== undefined && { clientToken }) }));
    const describeIt = (executionArn: string) => states().send(new DescribeExecutionCommand({ executionArn }));
    /** Takes the next task of the activity and answers it. */
    const answer = async (how: (input: string) => string) => {
      const task = await states().send(new GetActivityTaskCommand({ activityArn }));
      const outcome = how(task.input ?? "");
      const { taskToken } = task;
      if (outcome === "fail")
        await states().send(new SendTaskFailureCommand({ taskToken, error: "Broken", cause: "so" }));
      else await states().send(new SendTaskSuccessCommand({ taskToken, output: outcome }));
    };
    const typed = (events: readonly HistoryEvent[], type: string) => events.filter((event) => event.type === type);
    const fails = (promise: Promise<unknown>, name: string, message: string | RegExp) =>
      assert.rejects(promise, (error: Error) => {
        assert.equal(error.name, name);
        assert.match(error.message, new RegExp(message));
        return true;
      });
    const work = (more: object = {}) => ({ Type: "Task", Resource: activityArn, End: true, ...more });
    const gapless = (events: readonly HistoryEvent[]) =>
      assert.deepEqual(
        events.map(({ id }) => id),
        events.map((_, index) => index + 1),
      );

    test("a failed task is entered again with its input; what came before it is not", async () => {
      const definition = JSON.stringify({
        StartAt: "First",
        States: {
          First: { Type: "Pass", Result: { kept: 1 }, ResultPath: "$.first", Next: "Work" },
          Work: work({
            Parameters: { "input.$": "$", "count.$": "$$.Execution.RedriveCount" },
            Retry: [{ ErrorEquals: ["Broken"], MaxAttempts: 1, IntervalSeconds: 1 }],
          }),
        },
      });
      const executionArn = await start(stepwell, await create(stepwell, "whole", definition, roleArn), { a: 1 });
      // The retry counter starts anew with the redrive: four tries, two of them after it.
      for (let i = 0; i < 2; i++) await answer(() => "fail");
      const failed = await ended(stepwell, executionArn);
      assert.deepEqual(
        [failed.status, failed.error, failed.redriveStatus, failed.redriveCount],
        ["FAILED", "Broken", "REDRIVABLE", 0],
      );
      const first = await redrive(executionArn, "token-1");
      const again = await redrive(executionArn, "token-1");
      assert.deepEqual(again.redriveDate, first.redriveDate);
      const running = await describeIt(executionArn);
      assert.deepEqual(
        [
          running.status,
          running.redriveCount,
          running.redriveDate,
          running.redriveStatus,
          running.error,
          running.stopDate,
        ],
        ["RUNNING", 1, first.redriveDate, "NOT_REDRIVABLE", undefined, undefined],
      );
      await fails(redrive(executionArn), "ExecutionNotRedrivable", "Execution is RUNNING and cannot be redriven");
      const inputs: string[] = [];
      await answer((input) => (inputs.push(input), "fail"));
      await answer((input) => (inputs.push(input), '"done"'));
      const done = await ended(stepwell, executionArn);
      assert.deepEqual([done.status, done.output, done.redriveCount], ["SUCCEEDED", '"done"', 1]);
      const seen = JSON.stringify({ input: { a: 1, first: { kept: 1 } }, count: 1 });
      assert.deepEqual(
        inputs.map((one) => JSON.parse(one) as unknown),
        [JSON.parse(seen), JSON.parse(seen)],
      );
      await fails(redrive(executionArn), "ExecutionNotRedrivable", "Execution is SUCCEEDED and cannot be redriven");
      const events = await history(stepwell, executionArn);
      gapless(events);
      assert.equal(typed(events, "PassStateEntered").length, 1);
      assert.equal(typed(events, "TaskStateEntered").length, 2);
      assert.equal(typed(events, "ActivityFailed").length, 3);
      const [redriven] = typed(events, "ExecutionRedriven");
      assert.deepEqual(redriven?.executionRedrivenEventDetails, { redriveCount: 1 });
      const { executions = [] } = await states().send(
        new ListExecutionsCommand({ stateMachineArn: done.stateMachineArn }),
      );
      assert.deepEqual([executions[0]?.redriveCount, executions[0]?.redriveDate], [1, first.redriveDate]);
    });

    test("of a Parallel only the branches that did not succeed run again", async () => {
      const branch = (name: string, state: object) => ({ StartAt: name, States: { [name]: state } });
      const definition = JSON.stringify({
        StartAt: "Both",
        States: {
          Both: {
            Type: "Parallel",
            End: true,
            Branches: [
              branch("Quick", { Type: "Pass", Result: "quick", End: true }),
              branch("Work", work()),
              branch("Rest", { Type: "Wait", Seconds: 3600, Next: "Rested" }),
            ].map((one, index) =>
              index === 2 ? { ...one, States: { ...one.States, Rested: { Type: "Succeed" } } } : one,
            ),
          },
        },
      });
      const executionArn = await start(stepwell, await create(stepwell, "parallel", definition, roleArn), { a: 1 });
      await answer(() => "fail");
      assert.equal((await ended(stepwell, executionArn)).error, "Broken");
      await redrive(executionArn);
      await answer(() => '"worked"');
      const events = await eventually(async () => {
        const all = await history(stepwell, executionArn);
        return typed(all, "ActivitySucceeded").length === 1 ? all : undefined;
      }, LIMIT_MS);
      gapless(events);
      assert.equal(typed(events, "PassStateEntered").length, 1);
      assert.equal(typed(events, "WaitStateEntered").length, 2);
      assert.equal(typed(events, "ParallelStateEntered").length, 1);
      await states().send(new StopExecutionCommand({ executionArn }));
      const stopped = (await history(stepwell, executionArn)).at(-1);
      assert.deepEqual([stopped?.type, stopped?.executionAbortedEventDetails], ["ExecutionAborted", {}]);
      await redrive(executionArn);
      const after = await history(stepwell, executionArn);
      assert.equal(typed(after, "WaitStateEntered").length, 3);
      assert.equal(typed(after, "ActivityScheduled").length, 2);
      assert.equal((await describeIt(executionArn)).redriveCount, 2);
      await states().send(new StopExecutionCommand({ executionArn }));
    });

    test("of an inline Map only the iterations that did not succeed run again", async () => {
      const definition = JSON.stringify({
        StartAt: "Each",
        States: {
          Each: {
            Type: "Map",
            MaxConcurrency: 1,
            End: true,
            ItemProcessor: { StartAt: "Work", States: { Work: work() } },
          },
        },
      });
      const executionArn = await start(stepwell, await create(stepwell, "map", definition, roleArn), [1, 2, 3]);
      await answer((input) => input);
      await answer(() => "fail");
      assert.equal((await ended(stepwell, executionArn)).status, "FAILED");
      await redrive(executionArn);
      const inputs: string[] = [];
      for (let i = 0; i < 2; i++) await answer((input) => (inputs.push(input), `${input}0`));
      const done = await ended(stepwell, executionArn);
      assert.deepEqual([inputs, done.status, done.output], [["2", "3"], "SUCCEEDED", "[1,20,30]"]);
      const events = await history(stepwell, executionArn);
      gapless(events);
      assert.equal(typed(events, "MapStateEntered").length, 1);
      assert.equal(typed(events, "MapIterationSucceeded").length, 3);
    });

    test("a timed-out execution gets its whole time again; a Fail state fails again", async () => {
      const slow = JSON.stringify({
        TimeoutSeconds: 1,
        StartAt: "Rest",
        States: { Rest: { Type: "Wait", Seconds: 3600, End: true } },
      });
      const executionArn = await start(stepwell, await create(stepwell, "slow", slow, roleArn));
      const first = await ended(stepwell, executionArn);
      assert.deepEqual([first.status, first.error, first.redriveStatus], ["TIMED_OUT", undefined, "REDRIVABLE"]);
      await redrive(executionArn);
      const second = await ended(stepwell, executionArn);
      assert.deepEqual([second.status, second.redriveCount], ["TIMED_OUT", 1]);
      const events = await history(stepwell, executionArn);
      assert.deepEqual(
        typed(events, "ExecutionTimedOut").map(({ previousEventId }) => previousEventId),
        [0, 0],
      );
      const failing = JSON.stringify({ StartAt: "F", States: { F: { Type: "Fail", Error: "E" } } });
      const failed = await start(stepwell, await create(stepwell, "failing", failing, roleArn));
      await redrive(failed);
      const again = await describeIt(failed);
      assert.deepEqual([again.status, again.error, again.redriveCount], ["FAILED", "E", 1]);
      assert.deepEqual(
        (await history(stepwell, failed)).map(({ type }) => type),
        [
          "ExecutionStarted",
          "FailStateEntered",
          "ExecutionFailed",
          "ExecutionRedriven",
          "FailStateEntered",
          "ExecutionFailed",
        ],
      );
    });

    test("a redriven wait goes on after a restart", async () => {
      const own = await startStepwell(store);
      let again = own;
      try {
        const role = await roleFor(own, "machine-role", []);
        const executionArn = await start(own, await create(own, "kept", WAITING.replace("3600", "2"), role));
        await own.as.states.send(new StopExecutionCommand({ executionArn }));
        again = await own.reopen();
        await again.as.states.send(new RedriveExecutionCommand({ executionArn }));
        again = await again.reopen();
        assert.equal((await ended(again, executionArn)).status, "SUCCEEDED");
        const events = await history(again, executionArn);
        assert.equal(typed(events, "WaitStateExited").length, 1);
        assert.equal(typed(events, "WaitStateEntered").length, 2);
      } finally {
        await again.close();
      }
    });

    test("a redrive is a permission of its own", async () => {
      const { iam } = stepwell.as;
      const executionArn = await start(stepwell, await create(stepwell, "guarded", WAITING, roleArn));
      await states().send(new StopExecutionCommand({ executionArn }));
      await iam.send(new CreateUserCommand({ UserName: "reader" }));
      const policy = await iam.send(
        new CreatePolicyCommand({
          PolicyName: "reader",
          PolicyDocument: JSON.stringify({
            Version: "2012-10-17",
            Statement: [{ Effect: "Allow", Action: "states:DescribeExecution", Resource: "*" }],
          }),
        }),
      );
      await iam.send(new AttachUserPolicyCommand({ UserName: "reader", PolicyArn: policy.Policy?.Arn ?? "" }));
      const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "reader" }));
      const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = AccessKey ?? {};
      const reader = stepwell.client({ accessKeyId, secretAccessKey }).states;
      await reader.send(new DescribeExecutionCommand({ executionArn }));
      const denied = reader.send(new RedriveExecutionCommand({ executionArn }));
      await fails(denied, "AccessDeniedException", "states:RedriveExecution");
    });

    test("what is not there is not redriven", async () => {
      const executionArn = `arn:aws:states:us-east-1:${stepwell.account}:execution:whole:absent`;
      await fails(redrive(executionArn), "ExecutionDoesNotExist", "absent");
    });
  });
