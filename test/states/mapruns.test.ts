import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  DescribeStateMachineForExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  StopExecutionCommand,
  UpdateMapRunCommand,
} from "@aws-sdk/client-sfn";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, history, roleFor, start } from "./fixture.ts";

const PASS = { StartAt: "Work", States: { Work: { Type: "Pass", End: true } } };
const WAIT = { StartAt: "Rest", States: { Rest: { Type: "Wait", Seconds: 3600, End: true } } };
/** Fails for items that are true. */
const FAIL_IF_TRUE = {
  StartAt: "Look",
  States: {
    Look: { Type: "Choice", Choices: [{ Variable: "$", BooleanEquals: true, Next: "Bad" }], Default: "Good" },
    Bad: { Type: "Fail", Error: "Bad", Cause: "it was true" },
    Good: { Type: "Pass", End: true },
  },
};

/** One Distributed Map. */
function mapMachine(processor: object, more: object = {}, executionType = "STANDARD"): string {
  const ItemProcessor = { ...processor, ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: executionType } };
  return JSON.stringify({ StartAt: "Each", States: { Each: { Type: "Map", ItemProcessor, End: true, ...more } } });
}

for (const store of stores)
  describe(`map runs on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "able", ["s3:*", "states:*"]);
    });
    after(() => stepwell.close());
    const begin = async (name: string, definition: string, input: unknown) =>
      start(stepwell, await create(stepwell, name, definition, roleArn), input);
    const runOf = (executionArn: string) =>
      eventually(async () => {
        const { mapRuns } = await stepwell.as.states.send(new ListMapRunsCommand({ executionArn }));
        return mapRuns?.[0]?.mapRunArn;
      });
    const described = (mapRunArn: string) => stepwell.as.states.send(new DescribeMapRunCommand({ mapRunArn }));
    const children = async (mapRunArn: string) =>
      (await stepwell.as.states.send(new ListExecutionsCommand({ mapRunArn, maxResults: 1000 }))).executions ?? [];

    test("each item is a child execution, and the results are in the order of the items", async () => {
      const more = { ItemSelector: { n: 1, "item.$": "$$.Map.Item.Value", "all.$": "$", "at.$": "$$.Map.Item.Index" } };
      const execution = await begin("order", mapMachine(PASS, { ...more, Label: "each" }), ["a", "b"]);
      const end = await ended(stepwell, execution);
      assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
      assert.deepEqual(JSON.parse(end.output ?? ""), [
        { n: 1, item: "a", all: ["a", "b"], at: 0 },
        { n: 1, item: "b", all: ["a", "b"], at: 1 },
      ]);
      assert.deepEqual(
        (await history(stepwell, execution)).map(({ type, previousEventId }) => [type, previousEventId]),
        [
          ["ExecutionStarted", 0],
          ["MapStateEntered", 0],
          ["MapStateStarted", 2],
          ["MapRunStarted", 3],
          ["MapRunSucceeded", 4],
          ["MapStateSucceeded", 5],
          ["MapStateExited", 5],
          ["ExecutionSucceeded", 7],
        ],
      );
      const mapRunArn = (await runOf(execution)) ?? "";
      assert.match(mapRunArn, /^arn:aws:states:us-east-1:\d{12}:mapRun:order\/each:[-0-9a-f]{36}$/);
      const run = await described(mapRunArn);
      assert.equal(run.status, "SUCCEEDED");
      assert.equal(run.executionArn, execution);
      assert.equal(run.itemCounts?.succeeded, 2);
      assert.equal(run.executionCounts?.total, 2);
      assert.equal(run.executionCounts?.resultsWritten, 2);
      const [last] = await children(mapRunArn);
      assert.equal(last?.itemCount, 1);
      assert.equal(last.mapRunArn, mapRunArn);
      assert.match(last.executionArn ?? "", /:execution:order\/each:[-0-9a-f]{36}$/);
      const child = await stepwell.as.states.send(new DescribeExecutionCommand({ executionArn: last.executionArn }));
      assert.equal(child.mapRunArn, mapRunArn);
      assert.equal(JSON.parse(child.input ?? "").item, "b");
      const machine = await stepwell.as.states.send(
        new DescribeStateMachineForExecutionCommand({ executionArn: last.executionArn }),
      );
      assert.equal(machine.label, "each");
      assert.equal(machine.mapRunArn, mapRunArn);
      assert.deepEqual(
        (await history(stepwell, last.executionArn ?? "")).map(({ type }) => type),
        ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"],
      );
    });

    test("an object is a data set of its members, an empty array of none", async () => {
      const selector = { ItemSelector: { "key.$": "$$.Map.Item.Key", "from.$": "$$.Map.Item.Source" } };
      const byMember = await begin("members", mapMachine(PASS, selector), { a: 1, b: 2 });
      assert.equal(
        (await ended(stepwell, byMember)).output,
        '[{"key":"a","from":"STATE_DATA"},{"key":"b","from":"STATE_DATA"}]',
      );
      const none = await begin("none", mapMachine(PASS), []);
      assert.equal((await ended(stepwell, none)).output, "[]");
    });

    test("items are batched by number and by size", async () => {
      const batcher = { ItemBatcher: { MaxItemsPerBatch: 2, BatchInput: { "by.$": "$$.Execution.Name" } } };
      const execution = await begin("batches", mapMachine(PASS, batcher), [1, 2, 3]);
      const name = execution.slice(execution.lastIndexOf(":") + 1);
      const expected = [
        { BatchInput: { by: name }, Items: [1, 2] },
        { BatchInput: { by: name }, Items: [3] },
      ];
      assert.deepEqual(JSON.parse((await ended(stepwell, execution)).output ?? ""), expected);
      const run = await described((await runOf(execution)) ?? "");
      assert.equal(run.itemCounts?.total, 3);
      assert.equal(run.executionCounts?.total, 2);
      const small = { ItemBatcher: { MaxInputBytesPerBatch: 19 } };
      const bySize = await begin("bytes", mapMachine(PASS, small), ["aaa", "bb", "cc"]);
      assert.equal((await ended(stepwell, bySize)).output, '[{"Items":["aaa"]},{"Items":["bb"]},{"Items":["cc"]}]');
    });

    test("one failure is too much unless failures are tolerated", async () => {
      const strict = await begin("strict", mapMachine(FAIL_IF_TRUE), [false, true]);
      const end = await ended(stepwell, strict);
      assert.equal(end.error, "States.ExceedToleratedFailureThreshold");
      assert.equal(end.cause, "The specified tolerated failure threshold was exceeded");
      const types = (await history(stepwell, strict)).map(({ type }) => type);
      assert.deepEqual(types.slice(3), ["MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"]);
      assert.equal((await described((await runOf(strict)) ?? "")).status, "FAILED");
      const half = { ToleratedFailurePercentage: 50 };
      const tolerant = await begin("tolerant", mapMachine(FAIL_IF_TRUE, half), [false, true]);
      const output = JSON.parse((await ended(stepwell, tolerant)).output ?? "") as [unknown, Record<string, unknown>];
      assert.equal(output[0], false);
      assert.equal(output[1]["Error"], "Bad");
      assert.equal(output[1]["Status"], "FAILED");
      const run = await described((await runOf(tolerant)) ?? "");
      assert.equal(run.itemCounts?.failed, 1);
      assert.equal(run.toleratedFailurePercentage, 50);
      const third = await begin("third", mapMachine(FAIL_IF_TRUE, { ToleratedFailurePercentage: 40 }), [false, true]);
      assert.equal((await ended(stepwell, third)).error, "States.ExceedToleratedFailureThreshold");
    });

    test("a retry of the state makes a new run", async () => {
      const retry = { Retry: [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 1, MaxAttempts: 1 }] };
      const execution = await begin("retried", mapMachine(FAIL_IF_TRUE, retry), [true]);
      assert.equal((await ended(stepwell, execution)).status, "FAILED");
      const { mapRuns } = await stepwell.as.states.send(new ListMapRunsCommand({ executionArn: execution }));
      assert.equal(mapRuns?.length, 2);
    });

    test("stopping the execution aborts the run and its children", async () => {
      const execution = await begin("stopped", mapMachine(WAIT), [1, 2, 3]);
      const mapRunArn = (await runOf(execution)) ?? "";
      await eventually(async () => ((await described(mapRunArn)).executionCounts?.running === 3 ? true : undefined));
      await stepwell.as.states.send(new StopExecutionCommand({ executionArn: execution }));
      await eventually(async () => ((await described(mapRunArn)).executionCounts?.aborted === 3 ? true : undefined));
      assert.equal((await described(mapRunArn)).status, "ABORTED");
      assert.deepEqual([...new Set((await children(mapRunArn)).map(({ status }) => status))], ["ABORTED"]);
      const types = (await history(stepwell, execution)).map(({ type }) => type);
      assert.ok(types.includes("MapRunAborted"), types.join());
    });

    test("MaxConcurrency holds, and UpdateMapRun changes it while the run goes on", async () => {
      const execution = await begin("narrow", mapMachine(WAIT, { MaxConcurrency: 2 }), [1, 2, 3, 4, 5]);
      const mapRunArn = (await runOf(execution)) ?? "";
      const running = (count: number) =>
        eventually(async () => ((await described(mapRunArn)).executionCounts?.running === count ? true : undefined));
      await running(2);
      assert.equal((await described(mapRunArn)).itemCounts?.pending, 3);
      await stepwell.as.states.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency: 4 }));
      await running(4);
      const [first] = await children(mapRunArn);
      await stepwell.as.states.send(new UpdateMapRunCommand({ mapRunArn, toleratedFailureCount: 5 }));
      await stepwell.as.states.send(new StopExecutionCommand({ executionArn: first?.executionArn }));
      await eventually(async () => ((await described(mapRunArn)).executionCounts?.total === 5 ? true : undefined));
      await running(4);
      await stepwell.as.states.send(new StopExecutionCommand({ executionArn: execution }));
    });

    test("Express children are described, and have no history", async () => {
      const execution = await begin("fast", mapMachine(PASS, {}, "EXPRESS"), [1]);
      assert.equal((await ended(stepwell, execution)).output, "[1]");
      const [child] = await children((await runOf(execution)) ?? "");
      const { executionArn } = child ?? {};
      const { status } = await stepwell.as.states.send(new DescribeExecutionCommand({ executionArn }));
      assert.equal(status, "SUCCEEDED");
      await assert.rejects(stepwell.as.states.send(new GetExecutionHistoryCommand({ executionArn })));
    });

    test("a map run within a map run", async () => {
      const inner = JSON.parse(mapMachine(PASS, { Label: "inner" })) as { States: { Each: object } };
      const outer = { StartAt: "Inner", States: { Inner: inner.States.Each } };
      const execution = await begin("nested", mapMachine(outer, { Label: "outer" }), [[1, 2], [3]]);
      assert.equal((await ended(stepwell, execution)).output, "[[1,2],[3]]");
      const [child] = await children((await runOf(execution)) ?? "");
      const innerRun = (await runOf(child?.executionArn ?? "")) ?? "";
      assert.match(innerRun, /:mapRun:nested\/inner:/);
    });

    test("many children", async () => {
      const items = Array.from({ length: 1000 }, (_, i) => i);
      const execution = await begin("many", mapMachine(PASS), items);
      assert.deepEqual(JSON.parse((await ended(stepwell, execution)).output ?? ""), items);
    });
  });
