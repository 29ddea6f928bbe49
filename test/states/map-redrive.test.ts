import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  RedriveExecutionCommand,
  StopExecutionCommand,
  UpdateMapRunCommand,
  type ExecutionListItem,
  type ListExecutionsCommandInput,
} from "@aws-sdk/client-sfn";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, history, roleFor, start } from "./fixture.ts";

const LIMIT_MS = 30_000;
/** Succeeds once there is an object of the item's name. */
const LOOK = {
  StartAt: "Look",
  States: {
    Look: {
      Type: "Task",
      Resource: "arn:aws:states:::aws-sdk:s3:headObject",
      Parameters: { Bucket: "things", "Key.$": "$" },
      ResultPath: null,
      End: true,
    },
  },
};
const REST = { StartAt: "Rest", States: { Rest: { Type: "Wait", Seconds: 3600, End: true } } };

for (const store of stores)
  describe(`redrives of map runs on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "able", ["s3:*", "states:*"]);
      await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "things" }));
    });
    after(() => stepwell.close());
    const put = (Key: string) => stepwell.as.s3.send(new PutObjectCommand({ Bucket: "things", Key, Body: Key }));
    const redrive = (executionArn: string) => stepwell.as.states.send(new RedriveExecutionCommand({ executionArn }));
    const runOf = (executionArn: string) =>
      eventually(async () => {
        const { mapRuns } = await stepwell.as.states.send(new ListMapRunsCommand({ executionArn }));
        return mapRuns?.[0]?.mapRunArn;
      }, LIMIT_MS);
    const described = (mapRunArn: string) => stepwell.as.states.send(new DescribeMapRunCommand({ mapRunArn }));
    const children = async (mapRunArn: string, more: Partial<ListExecutionsCommandInput> = {}) =>
      (await stepwell.as.states.send(new ListExecutionsCommand({ mapRunArn, ...more }))).executions ?? [];
    const until = (mapRunArn: string, holds: (list: readonly ExecutionListItem[]) => boolean) =>
      eventually(async () => (holds(await children(mapRunArn)) ? true : undefined), LIMIT_MS);
    const begin = async (name: string, processor: object, executionType: string, more: object, input: unknown) => {
      const ItemProcessor = { ...processor, ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: executionType } };
      const Each = { Type: "Map", ItemProcessor, End: true, ...more };
      const definition = JSON.stringify({ StartAt: "Each", States: { Each } });
      return start(stepwell, await create(stepwell, name, definition, roleArn), input);
    };

    test("Standard children that failed go on under their names, and what was not read yet is read", async () => {
      await put("s-a");
      await put("s-c");
      const executionArn = await begin("standard", LOOK, "STANDARD", { MaxConcurrency: 1 }, ["s-a", "s-b", "s-c"]);
      assert.equal((await ended(stepwell, executionArn)).status, "FAILED");
      const mapRunArn = await runOf(executionArn);
      const before = await children(mapRunArn);
      assert.deepEqual(
        before.map(({ status }) => status),
        ["FAILED", "SUCCEEDED"],
      );
      const failed = await described(mapRunArn);
      assert.deepEqual([failed.status, failed.redriveCount, failed.executionCounts?.failed], ["FAILED", undefined, 1]);
      await redrive(executionArn);
      // It is not there yet: the run fails again, and can be redriven again.
      assert.equal((await ended(stepwell, executionArn)).status, "FAILED");
      assert.equal((await described(mapRunArn)).redriveCount, 1);
      await put("s-b");
      await redrive(executionArn);
      const end = await ended(stepwell, executionArn);
      assert.deepEqual([end.status, end.output], ["SUCCEEDED", '["s-a","s-b","s-c"]']);
      const run = await described(mapRunArn);
      assert.deepEqual([run.status, run.redriveCount], ["SUCCEEDED", 2]);
      assert.ok(run.redriveDate && run.stopDate && run.redriveDate <= run.stopDate);
      const {
        failed: stillFailed,
        succeeded,
        total,
        pendingRedrive,
        failuresNotRedrivable,
      } = run.executionCounts ?? {};
      assert.deepEqual([stillFailed, succeeded, total, pendingRedrive, failuresNotRedrivable], [0, 3, 3, 0, 0]);
      assert.equal(run.itemCounts?.succeeded, 3);
      const list = await children(mapRunArn);
      assert.deepEqual(
        list.map(({ redriveCount }) => redriveCount),
        [0, 2, 0],
      );
      assert.deepEqual(
        list.slice(1).map((child) => child.executionArn),
        before.map((child) => child.executionArn),
      );
      assert.deepEqual(
        (await children(mapRunArn, { redriveFilter: "REDRIVEN" })).map((child) => child.executionArn),
        [before[0]?.executionArn],
      );
      assert.equal((await children(mapRunArn, { redriveFilter: "NOT_REDRIVEN" })).length, 2);
      const events = await history(stepwell, executionArn);
      const redriven = events.filter(({ type }) => type === "MapRunRedriven");
      assert.deepEqual(
        redriven.map((event) => event.mapRunRedrivenEventDetails),
        [
          { mapRunArn, redriveCount: 1 },
          { mapRunArn, redriveCount: 2 },
        ],
      );
      assert.equal(events.filter(({ type }) => type === "MapRunStarted").length, 1);
      assert.equal(events.filter(({ type }) => type === "MapStateEntered").length, 1);
      const child = await history(stepwell, before[0]?.executionArn ?? "");
      assert.equal(child.filter(({ type }) => type === "ExecutionRedriven").length, 2);
    });

    test("children of an aborted run wait for their turn, within the run's concurrency", async () => {
      const more = { MaxConcurrency: 2, ToleratedFailurePercentage: 100 };
      const executionArn = await begin("aborted", REST, "STANDARD", more, [1, 2, 3]);
      const mapRunArn = await runOf(executionArn);
      await until(mapRunArn, (list) => list.length === 2);
      await stepwell.as.states.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency: 1 }));
      await stepwell.as.states.send(new StopExecutionCommand({ executionArn }));
      await until(mapRunArn, (list) => list.every(({ status }) => status === "ABORTED"));
      await redrive(executionArn);
      await until(mapRunArn, (list) => list.some(({ status }) => status === "RUNNING"));
      const [second, first] = await children(mapRunArn);
      assert.deepEqual([first?.status, second?.status], ["RUNNING", "PENDING_REDRIVE"]);
      const pending = await children(mapRunArn, { statusFilter: "PENDING_REDRIVE" });
      assert.deepEqual(
        pending.map(({ name }) => name),
        [second?.name],
      );
      assert.deepEqual(await children(mapRunArn, { statusFilter: "ABORTED" }), []);
      const waiting = await stepwell.as.states.send(
        new DescribeExecutionCommand({ executionArn: second?.executionArn }),
      );
      assert.equal(waiting.status, "PENDING_REDRIVE");
      const counts = (await described(mapRunArn)).executionCounts;
      assert.deepEqual([counts?.running, counts?.pendingRedrive, counts?.aborted, counts?.pending], [1, 1, 0, 1]);
      // More room: the one that waits goes on, then the item that was never read.
      await stepwell.as.states.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency: 3 }));
      await until(mapRunArn, (list) => list.length === 3 && list.every(({ status }) => status === "RUNNING"));
      for (const one of await children(mapRunArn))
        await stepwell.as.states.send(new StopExecutionCommand({ executionArn: one.executionArn }));
      const end = await ended(stepwell, executionArn);
      assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
      assert.equal((await described(mapRunArn)).executionCounts?.aborted, 3);
    });

    test("a redriven run that is stopped again tells of all its children as they ended", async () => {
      const more = { MaxConcurrency: 2 };
      const executionArn = await begin("twice", REST, "STANDARD", more, [1, 2]);
      const mapRunArn = await runOf(executionArn);
      await until(mapRunArn, (list) => list.length === 2);
      await stepwell.as.states.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency: 1 }));
      for (const redrives of [0, 1]) {
        if (redrives > 0) {
          await redrive(executionArn);
          await until(mapRunArn, (list) => list.some(({ status }) => status === "RUNNING"));
        }
        await stepwell.as.states.send(new StopExecutionCommand({ executionArn }));
        await until(mapRunArn, (list) => list.length === 2 && list.every(({ status }) => status === "ABORTED"));
        // The one that still waited for its redrive counts as it ended before.
        await eventually(async () => {
          const { status, executionCounts } = await described(mapRunArn);
          assert.equal(status, "ABORTED");
          return executionCounts?.aborted === 2 && executionCounts.running === 0 ? true : undefined;
        }, LIMIT_MS);
      }
    });

    test("a run whose results could not be written writes them, and no child runs again", async () => {
      const more = {
        ResultWriter: { Resource: "arn:aws:states:::s3:putObject", Parameters: { Bucket: "later", Prefix: "out" } },
      };
      const pass = { StartAt: "Go", States: { Go: { Type: "Pass", End: true } } };
      const executionArn = await begin("written", pass, "STANDARD", more, [1, 2]);
      assert.equal((await ended(stepwell, executionArn)).error, "States.ResultWriterFailed");
      await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "later" }));
      await redrive(executionArn);
      const end = await ended(stepwell, executionArn);
      assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
      const run = await described((await runOf(executionArn)) ?? "");
      assert.deepEqual([run.executionCounts?.succeeded, run.executionCounts?.resultsWritten], [2, 2]);
      assert.ok((await children((await runOf(executionArn)) ?? "")).every(({ redriveCount }) => redriveCount === 0));
    });
  });
