/** Workers, tokens and nested executions where the nodes that hear of them are not those that wait. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CreateActivityCommand,
  GetActivityTaskCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
} from "@aws-sdk/client-sfn";
import { create, ended, roleFor, start, taskMachine } from "../states/fixture.ts";
import { freshSchema } from "../support/postgres.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const postgres = stores.find(({ name }) => name === "postgres");

describe("activities on two nodes", { skip: postgres ? false : "there is no PostgreSQL" }, () => {
  let schema: Awaited<ReturnType<typeof freshSchema>>;
  let here: Stepwell;
  let there: Stepwell;
  let roleArn: string;
  before(async () => {
    schema = await freshSchema();
    here = await startStepwell(postgres, { database: schema.url });
    there = await startStepwell(postgres, { database: schema.url });
    roleArn = await roleFor(here, "able", ["states:*"]);
  });
  after(async () => {
    await here.close();
    await there.close();
    await schema.drop();
  });

  test("a worker that waits at one node gets the task that another node schedules, and answers a third way round", async () => {
    const { activityArn = "" } = await here.as.states.send(new CreateActivityCommand({ name: "far" }));
    const definition = JSON.stringify({
      StartAt: "Do",
      States: { Do: { Type: "Task", Resource: activityArn, End: true, HeartbeatSeconds: 600 } },
    });
    const machine = await create(here, "far", definition, roleArn);
    const sync = taskMachine("arn:aws:states:::states:startExecution.sync:2", { StateMachineArn: machine });
    const parent = await create(here, "parent", sync, roleArn);
    const poll = (at: Stepwell) => at.as.states.send(new GetActivityTaskCommand({ activityArn }));
    const polls = [poll(here), poll(here), poll(there), poll(there)];
    const executions = await Promise.all(
      Array.from({ length: 4 }, (_, n) => start(n % 2 === 0 ? here : there, parent, { n })),
    );
    const tasks = await Promise.all(polls);
    const tokens = tasks.map(({ taskToken = "" }) => taskToken);
    assert.equal(new Set(tokens).size, 4);
    for (const [i, taskToken] of tokens.entries()) {
      const { states } = (i % 2 === 0 ? there : here).as;
      await states.send(new SendTaskHeartbeatCommand({ taskToken }));
      await states.send(new SendTaskSuccessCommand({ taskToken, output: `{"i":${i}}` }));
    }
    const outputs: unknown[] = [];
    for (const executionArn of executions) {
      const end = await ended(there, executionArn);
      assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
      outputs.push((JSON.parse(end.output ?? "") as { Output: { i: number } }).Output.i);
    }
    assert.deepEqual(
      outputs.map(Number).toSorted((a, b) => a - b),
      [0, 1, 2, 3],
    );
  });
});
