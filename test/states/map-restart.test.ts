import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  DescribeMapRunCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  StopExecutionCommand,
  UpdateMapRunCommand,
} from "@aws-sdk/client-sfn";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, roleFor, start } from "./fixture.ts";

const LIMIT_MS = 30_000;
const ITEMS = 300;

/** Items that are true rest until somebody stops them; all others are passed on. */
const PROCESSOR = {
  ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
  StartAt: "Look",
  States: {
    Look: { Type: "Choice", Choices: [{ Variable: "$.rests", BooleanEquals: true, Next: "Rest" }], Default: "Go" },
    Rest: { Type: "Wait", Seconds: 3600, Next: "Go" },
    Go: { Type: "Pass", OutputPath: "$.id", End: true },
  },
};

async function begun(stepwell: Stepwell): Promise<string> {
  const roleArn = await roleFor(stepwell, "able", ["s3:*"]);
  await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "data" }));
  const lines = Array.from({ length: ITEMS }, (_, id) => JSON.stringify({ id, rests: id === 100 }));
  await stepwell.as.s3.send(new PutObjectCommand({ Bucket: "data", Key: "items.jsonl", Body: lines.join("\n") }));
  const Each = {
    Type: "Map",
    MaxConcurrency: 1,
    ToleratedFailureCount: 1,
    ItemReader: {
      Resource: "arn:aws:states:::s3:getObject",
      Parameters: { Bucket: "data", Key: "items.jsonl" },
      ReaderConfig: { InputType: "JSONL" },
    },
    ItemProcessor: PROCESSOR,
    End: true,
  };
  const machine = await create(stepwell, "map", JSON.stringify({ StartAt: "Each", States: { Each } }), roleArn);
  return start(stepwell, machine);
}

for (const store of stores)
  describe(`a map run survives its node on ${store.name}`, () => {
    test("it goes on in the middle of its file, and no item is worked on twice", async () => {
      let stepwell = await startStepwell(store);
      try {
        const executionArn = await begun(stepwell);
        const mapRunArn = await eventually(async () => {
          const { mapRuns } = await stepwell.as.states.send(new ListMapRunsCommand({ executionArn }));
          return mapRuns?.[0]?.mapRunArn;
        }, LIMIT_MS);
        const described = () => stepwell.as.states.send(new DescribeMapRunCommand({ mapRunArn }));
        // The hundred and first item rests, and there is one slot: the feeder waits there.
        await eventually(async () => ((await described()).executionCounts?.running === 1 ? true : undefined), LIMIT_MS);
        assert.equal((await described()).itemCounts?.succeeded, 100);
        stepwell = await stepwell.reopen();
        assert.equal((await described()).itemCounts?.succeeded, 100);
        await stepwell.as.states.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency: 7 }));
        await eventually(
          async () => ((await described()).itemCounts?.succeeded === ITEMS - 1 ? true : undefined),
          LIMIT_MS,
        );
        const resting = await stepwell.as.states.send(
          new ListExecutionsCommand({ mapRunArn, statusFilter: "RUNNING" }),
        );
        assert.equal(resting.executions?.length, 1);
        await stepwell.as.states.send(
          new StopExecutionCommand({ executionArn: resting.executions[0]?.executionArn, error: "Enough" }),
        );
        const end = await ended(stepwell, executionArn);
        assert.equal(end.status, "SUCCEEDED", `${end.error}: ${end.cause}`);
        const output = JSON.parse(end.output ?? "") as unknown[];
        assert.equal(output.length, ITEMS);
        for (const [id, result] of output.entries())
          if (id === 100) assert.equal((result as { Error: string }).Error, "Enough");
          else assert.equal(result, id);
        assert.equal((await described()).itemCounts?.aborted, 1);
        assert.equal((await described()).executionCounts?.total, ITEMS);
      } finally {
        await stepwell.close();
      }
    });
  });
