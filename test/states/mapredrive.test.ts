import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CreateActivityCommand,
  DescribeMapRunCommand,
  GetActivityTaskCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  RedriveExecutionCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, history, roleFor, start } from "./fixture.ts";

for (const store of stores)
  describe(`redrive of map runs on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "able", ["states:*"]);
    });
    after(() => stepwell.close());
    const states = () => stepwell.as.states;
    const begun = async (name: string, processor: object, executionType: string, input: unknown, more: object = {}) => {
      const ItemProcessor = { ...processor, ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: executionType } };
      const each = { Type: "Map", MaxConcurrency: 1, ItemProcessor, End: true, ...more };
      const definition = JSON.stringify({ StartAt: "Each", States: { Each: each } });
      return start(stepwell, await create(stepwell, name, definition, roleArn), input);
    };
    const onlyRun = async (executionArn: string) => {
      const { mapRuns = [] } = await states().send(new ListMapRunsCommand({ executionArn }));
      assert.equal(mapRuns.length, 1);
      const mapRunArn = mapRuns[0]?.mapRunArn ?? "";
      return states().send(new DescribeMapRunCommand({ mapRunArn }));
    };

    test("children that did not succeed go on, and items that nobody had read are read", async () => {
      const { activityArn } = await states().send(new CreateActivityCommand({ name: "child-work" }));
      const processor = { StartAt: "Work", States: { Work: { Type: "Task", Resource: activityArn, End: true } } };
      const answer = async (how: (input: string) => string) => {
        const { taskToken, input = "" } = await states().send(new GetActivityTaskCommand({ activityArn }));
        const output = how(input);
        if (output === "fail") await states().send(new SendTaskFailureCommand({ taskToken, error: "Broken" }));
        else await states().send(new SendTaskSuccessCommand({ taskToken, output }));
      };
      const executionArn = await begun("standard", processor, "STANDARD", [1, 2, 3]);
      await answer((input) => `${input}0`);
      await answer(() => "fail");
      const failed = await ended(stepwell, executionArn);
      assert.equal(failed.error, "States.ExceedToleratedFailureThreshold");
      await states().send(new RedriveExecutionCommand({ executionArn }));
      const seen: string[] = [];
      for (let i = 0; i < 2; i++) await answer((input) => (seen.push(input), `${input}0`));
      const done = await ended(stepwell, executionArn);
      assert.deepEqual([seen.sort((a, b) => a.localeCompare(b)), done.output], [["2", "3"], "[10,20,30]"]);
      const run = await onlyRun(executionArn);
      assert.deepEqual(
        [run.status, run.redriveCount, run.executionCounts?.succeeded, run.executionCounts?.failed],
        ["SUCCEEDED", 1, 3, 0],
      );
      assert.equal(run.executionCounts?.pendingRedrive, 0);
      const { mapRunArn } = run;
      const redriven = await states().send(new ListExecutionsCommand({ mapRunArn, redriveFilter: "REDRIVEN" }));
      assert.deepEqual(
        redriven.executions?.map((child) => [child.status, child.redriveCount]),
        [["SUCCEEDED", 1]],
      );
      const others = await states().send(new ListExecutionsCommand({ mapRunArn, redriveFilter: "NOT_REDRIVEN" }));
      assert.equal(others.executions?.length, 2);
      const childHistory = await history(stepwell, redriven.executions?.[0]?.executionArn ?? "");
      assert.equal(childHistory.filter(({ type }) => type === "ExecutionRedriven").length, 1);
      assert.deepEqual(
        (await history(stepwell, executionArn)).map(({ type }) => type),
        [
          "ExecutionStarted",
          "MapStateEntered",
          "MapStateStarted",
          "MapRunStarted",
          "MapRunFailed",
          "MapStateFailed",
          "ExecutionFailed",
          "ExecutionRedriven",
          "MapRunRedriven",
          "MapRunSucceeded",
          "MapStateSucceeded",
          "MapStateExited",
          "ExecutionSucceeded",
        ],
      );
    });

    test("children wait for their turn, and are given up when the execution is stopped", async () => {
      const { activityArn } = await states().send(new CreateActivityCommand({ name: "slow-work" }));
      const processor = { StartAt: "Work", States: { Work: { Type: "Task", Resource: activityArn, End: true } } };
      const task = async () => (await states().send(new GetActivityTaskCommand({ activityArn }))).taskToken;
      const executionArn = await begun("pending", processor, "STANDARD", [1, 2], { ToleratedFailureCount: 1 });
      for (let i = 0; i < 2; i++) {
        await states().send(new SendTaskFailureCommand({ taskToken: await task(), error: "Broken" }));
      }
      assert.equal((await ended(stepwell, executionArn)).status, "FAILED");
      await states().send(new RedriveExecutionCommand({ executionArn }));
      await task();
      const during = await onlyRun(executionArn);
      assert.deepEqual([during.executionCounts?.running, during.executionCounts?.pendingRedrive], [1, 1]);
      const { mapRunArn } = during;
      const waiting = await states().send(new ListExecutionsCommand({ mapRunArn, statusFilter: "PENDING_REDRIVE" }));
      assert.equal(waiting.executions?.length, 1);
      await states().send(new StopExecutionCommand({ executionArn }));
      await eventually(async () => {
        const { executionCounts } = await onlyRun(executionArn);
        return executionCounts?.aborted === 2 && executionCounts.pendingRedrive === 0 ? true : undefined;
      }, 30_000);
      await states().send(new RedriveExecutionCommand({ executionArn }));
      for (let i = 0; i < 2; i++) {
        await states().send(new SendTaskSuccessCommand({ taskToken: await task(), output: "0" }));
      }
      const done = await ended(stepwell, executionArn);
      assert.deepEqual([done.status, done.output, done.redriveCount], ["SUCCEEDED", "[0,0]", 2]);
    });

    test("Express children begin anew", async () => {
      const processor = {
        StartAt: "Look",
        States: {
          Look: {
            Type: "Choice",
            Choices: [
              {
                And: [
                  { Variable: "$", BooleanEquals: true },
                  { Variable: "$$.Execution.RedriveCount", NumericEquals: 0 },
                ],
                Next: "Bad",
              },
            ],
            Default: "Good",
          },
          Bad: { Type: "Fail", Error: "Bad" },
          Good: { Type: "Pass", End: true },
        },
      };
      const executionArn = await begun("express", processor, "EXPRESS", [false, true, true]);
      assert.equal((await ended(stepwell, executionArn)).status, "FAILED");
      // The third item's child may not have been started the first time; then it fails in its turn.
      let done = await ended(stepwell, executionArn);
      for (let i = 0; i < 3 && done.status === "FAILED"; i++) {
        await states().send(new RedriveExecutionCommand({ executionArn }));
        done = await ended(stepwell, executionArn);
      }
      assert.deepEqual([done.status, done.output], ["SUCCEEDED", "[false,true,true]"]);
      assert.equal((await onlyRun(executionArn)).executionCounts?.succeeded, 3);
    });
  });
