/** A map run that two nodes work on, and that one of them leaves. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import {
  CreateActivityCommand,
  DescribeMapRunCommand,
  GetActivityTaskCommand,
  ListMapRunsCommand,
  SendTaskSuccessCommand,
  UpdateMapRunCommand,
} from "@aws-sdk/client-sfn";
import { create, ended, roleFor, start } from "../states/fixture.ts";
import { freshSchema } from "../support/postgres.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const postgres = stores.find(({ name }) => name === "postgres");
const LIMIT_MS = 60_000;
const ITEMS = 300;
/** Items that wait for the test: the run cannot go past the first while it has one slot, and cannot end before the last. */
const HELD = [100, ITEMS - 1];

describe("map runs on two nodes", { skip: postgres ? false : "there is no PostgreSQL" }, () => {
  let schema: Awaited<ReturnType<typeof freshSchema>>;
  let here: Stepwell | undefined;
  let there: Stepwell;
  before(async () => {
    schema = await freshSchema();
    here = await startStepwell(postgres, { database: schema.url });
    there = await startStepwell(postgres, { database: schema.url });
  });
  after(async () => {
    await here?.close();
    await there.close();
    await schema.drop();
  });

  test("children end on both nodes, a limit is changed on the other, and one leaves in the middle: each item once", async () => {
    assert.ok(here);
    const { activityArn = "" } = await there.as.states.send(new CreateActivityCommand({ name: "held" }));
    await here.as.s3.send(new CreateBucketCommand({ Bucket: "data" }));
    const roleArn = await roleFor(here, "able", ["s3:*", "states:*"]);
    const ItemProcessor = {
      ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
      StartAt: "Look",
      States: {
        Look: {
          Type: "Choice",
          Choices: HELD.map((NumericEquals) => ({ Variable: "$", NumericEquals, Next: "Held" })),
          Default: "Call",
        },
        Held: { Type: "Task", Resource: activityArn, ResultPath: null, End: true },
        Call: {
          Type: "Task",
          Resource: "arn:aws:states:::aws-sdk:s3:headBucket",
          Parameters: { Bucket: "data" },
          ResultPath: null,
          End: true,
        },
      },
    };
    const Each = { Type: "Map", MaxConcurrency: 1, ItemProcessor, End: true };
    const definition = JSON.stringify({ StartAt: "Each", States: { Each } });
    const items = Array.from({ length: ITEMS }, (_, id) => id);
    const executionArn = await start(here, await create(here, "map", definition, roleArn), items);
    const mapRunArn = await eventually(async () => {
      const { mapRuns } = await there.as.states.send(new ListMapRunsCommand({ executionArn }));
      return mapRuns?.[0]?.mapRunArn;
    }, LIMIT_MS);
    const succeeded = (count: number) =>
      eventually(async () => {
        const { itemCounts } = await there.as.states.send(new DescribeMapRunCommand({ mapRunArn }));
        return (itemCounts?.succeeded ?? 0) >= count ? true : undefined;
      }, LIMIT_MS);
    await there.as.states.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency: 20 }));
    await succeeded(120);
    await here.close();
    here = undefined;
    await succeeded(ITEMS - HELD.length);
    for (const _ of HELD) {
      const { taskToken } = await there.as.states.send(new GetActivityTaskCommand({ activityArn }));
      await there.as.states.send(new SendTaskSuccessCommand({ taskToken, output: "{}" }));
    }
    const end = await ended(there, executionArn);
    assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
    assert.deepEqual(JSON.parse(end.output ?? ""), items);
    const { executionCounts } = await there.as.states.send(new DescribeMapRunCommand({ mapRunArn }));
    assert.deepEqual([executionCounts?.succeeded, executionCounts?.total], [ITEMS, ITEMS]);
  });
});
