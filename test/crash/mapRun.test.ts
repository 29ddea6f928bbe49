/** A Distributed Map whose process is killed in the middle: every item is worked on, and is in the result exactly once. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  CreateActivityCommand,
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  GetActivityTaskCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  SendTaskSuccessCommand,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { roleFor } from "../states/fixture.ts";
import { startServer, type Server } from "../support/server.ts";
import { eventually } from "../support/stepwell.ts";

const ITEMS = 3000;
/** It waits for the test: the run cannot end before. */
const HELD = ITEMS - 1;
/** A kill falls when so many items have succeeded. */
const KILLS = [200, 1400];
const LIMIT_MS = 60_000;

/** Some children end at once, some after a timer, some after a call. */
function processor(activity: string): object {
  const Choices = [
    { Variable: "$.id", NumericEquals: HELD, Next: "Held" },
    { Variable: "$.kind", NumericEquals: 0, Next: "Rest" },
    { Variable: "$.kind", NumericEquals: 1, Next: "Go" },
  ];
  const headBucket = "arn:aws:states:::aws-sdk:s3:headBucket";
  return {
    ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
    StartAt: "Look",
    States: {
      Look: { Type: "Choice", Choices, Default: "Call" },
      Held: { Type: "Task", Resource: activity, ResultPath: null, Next: "Go" },
      Rest: { Type: "Wait", Seconds: 0, Next: "Call" },
      Call: { Type: "Task", Resource: headBucket, Parameters: { Bucket: "data" }, ResultPath: null, Next: "Go" },
      Go: { Type: "Pass", OutputPath: "$.id", End: true },
    },
  };
}

async function begun({ clients }: Server, activity: string): Promise<string> {
  const { s3, states } = clients;
  const roleArn = await roleFor({ as: clients }, "able", ["s3:*", "states:*"]);
  await s3.send(new CreateBucketCommand({ Bucket: "data" }));
  const lines = Array.from({ length: ITEMS }, (_, id) => JSON.stringify({ id, kind: id % 4 }));
  await s3.send(new PutObjectCommand({ Bucket: "data", Key: "items.jsonl", Body: lines.join("\n") }));
  const Each = {
    Type: "Map",
    MaxConcurrency: 40,
    ItemReader: {
      Resource: "arn:aws:states:::s3:getObject",
      Parameters: { Bucket: "data", Key: "items.jsonl" },
      ReaderConfig: { InputType: "JSONL" },
    },
    ItemProcessor: processor(activity),
    End: true,
  };
  const definition = JSON.stringify({ StartAt: "Each", States: { Each } });
  const made = await states.send(new CreateStateMachineCommand({ name: "map", definition, roleArn }));
  const started = await states.send(new StartExecutionCommand({ stateMachineArn: made.stateMachineArn }));
  return started.executionArn ?? "";
}

test("a map run that is killed twice has every item in its result exactly once", async () => {
  const data = mkdtempSync(join(tmpdir(), "stepwell-map-crash-"));
  let server = await startServer(data);
  const states = () => server.clients.states;
  try {
    const { activityArn = "" } = await states().send(new CreateActivityCommand({ name: "held" }));
    const executionArn = await begun(server, activityArn);
    const mapRunArn = await eventually(async () => {
      const { mapRuns } = await states().send(new ListMapRunsCommand({ executionArn }));
      return mapRuns?.[0]?.mapRunArn;
    }, LIMIT_MS);
    for (const enough of KILLS) {
      const run = await eventually(async () => {
        const now = await states().send(new DescribeMapRunCommand({ mapRunArn }));
        return (now.itemCounts?.succeeded ?? 0) >= enough || now.status !== "RUNNING" ? now : undefined;
      }, LIMIT_MS);
      assert.equal(run.status, "RUNNING");
      await server.stop("SIGKILL");
      server = await startServer(data);
      const after = await states().send(new DescribeMapRunCommand({ mapRunArn }));
      assert.ok((after.itemCounts?.succeeded ?? 0) >= enough, "what was counted stays counted");
    }
    const { taskToken } = await states().send(new GetActivityTaskCommand({ activityArn }));
    await states().send(new SendTaskSuccessCommand({ taskToken, output: "{}" }));
    const end = await eventually(async () => {
      const now = await states().send(new DescribeExecutionCommand({ executionArn }));
      return now.status === "RUNNING" ? undefined : now;
    }, LIMIT_MS);
    assert.equal(end.status, "SUCCEEDED", `${end.error}: ${end.cause}`);
    assert.deepEqual(
      JSON.parse(end.output ?? ""),
      Array.from({ length: ITEMS }, (_, id) => id),
    );
    const { itemCounts, executionCounts } = await states().send(new DescribeMapRunCommand({ mapRunArn }));
    assert.deepEqual(
      [itemCounts?.succeeded, itemCounts?.total, executionCounts?.succeeded, executionCounts?.total],
      [ITEMS, ITEMS, ITEMS, ITEMS],
    );
    const names = new Set<string | undefined>();
    let nextToken: string | undefined;
    let children = 0;
    do {
      const page = await states().send(new ListExecutionsCommand({ mapRunArn, maxResults: 1000, nextToken }));
      for (const { name } of page.executions ?? []) names.add(name);
      children += page.executions?.length ?? 0;
      ({ nextToken } = page);
    } while (nextToken !== undefined);
    assert.deepEqual([children, names.size], [ITEMS, ITEMS]);
    assert.ok(!server.log().includes('"level":"error"'), server.log());
  } finally {
    await server.stop("SIGTERM");
    rmSync(data, { recursive: true, force: true });
  }
});
