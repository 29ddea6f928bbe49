import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CreateActivityCommand,
  DeleteActivityCommand,
  DescribeActivityCommand,
  GetActivityTaskCommand,
  ListActivitiesCommand,
  ListTagsForResourceCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  StopExecutionCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-sfn";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, history, roleFor, start } from "./fixture.ts";

function activityMachine(activity: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ StartAt: "Do", States: { Do: { Type: "Task", Resource: activity, End: true, ...more } } });
}

for (const store of stores)
  describe(`activities on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "able", ["states:*"]);
    });
    after(() => stepwell.close());
    const activity = async (name: string): Promise<string> =>
      (await stepwell.as.states.send(new CreateActivityCommand({ name }))).activityArn ?? "";
    const take = (activityArn: string, workerName = "worker") =>
      stepwell.as.states.send(new GetActivityTaskCommand({ activityArn, workerName }));
    /** Waits until the execution's task waits for a worker. */
    const scheduled = (executionArn: string) =>
      eventually(async () => {
        const events = await history(stepwell, executionArn);
        return events.some(({ type }) => type === "ActivityScheduled") || undefined;
      }, 30_000);

    test("an activity is created once, described, listed, tagged, deleted", async () => {
      const { states } = stepwell.as;
      const made = await states.send(new CreateActivityCommand({ name: "one", tags: [{ key: "a", value: "1" }] }));
      const again = await states.send(new CreateActivityCommand({ name: "one" }));
      assert.deepEqual([again.activityArn, again.creationDate], [made.activityArn, made.creationDate]);
      const activityArn = made.activityArn ?? "";
      assert.equal(activityArn, `arn:aws:states:us-east-1:${stepwell.account}:activity:one`);
      await activity("two");
      const first = await states.send(new ListActivitiesCommand({ maxResults: 1 }));
      assert.deepEqual(
        first.activities?.map(({ name }) => name),
        ["one"],
      );
      const second = await states.send(new ListActivitiesCommand({ maxResults: 1, nextToken: first.nextToken }));
      assert.deepEqual(
        second.activities?.map(({ name }) => name),
        ["two"],
      );
      await states.send(new TagResourceCommand({ resourceArn: activityArn, tags: [{ key: "b", value: "2" }] }));
      await states.send(new UntagResourceCommand({ resourceArn: activityArn, tagKeys: ["a"] }));
      const { tags } = await states.send(new ListTagsForResourceCommand({ resourceArn: activityArn }));
      assert.deepEqual(tags, [{ key: "b", value: "2" }]);
      await states.send(new DeleteActivityCommand({ activityArn }));
      await states.send(new DeleteActivityCommand({ activityArn }));
      await assert.rejects(states.send(new DescribeActivityCommand({ activityArn })), {
        name: "ActivityDoesNotExist",
        message: `Activity Does Not Exist: '${activityArn}'`,
      });
      await assert.rejects(take(activityArn), { name: "ActivityDoesNotExist" });
      await assert.rejects(activity("a<b"), { name: "InvalidName" });
    });

    test("a worker that waits gets the task, and its answer ends the execution", async () => {
      const activityArn = await activity("waited-for");
      const machine = await create(stepwell, "waited-for", activityMachine(activityArn), roleArn);
      const poll = take(activityArn, "early");
      const executionArn = await start(stepwell, machine, { a: 1 });
      const { taskToken, input } = await poll;
      assert.equal(input, '{"a":1}');
      await stepwell.as.states.send(new SendTaskSuccessCommand({ taskToken, output: "[1]" }));
      const end = await ended(stepwell, executionArn);
      assert.deepEqual([end.status, end.output], ["SUCCEEDED", "[1]"]);
      const events = await history(stepwell, executionArn);
      assert.deepEqual(events.map(({ type }) => type).slice(2, 5), [
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
      ]);
      assert.equal(events[3]?.activityStartedEventDetails?.workerName, "early");
    });

    test("several workers share the tasks, each task once", async () => {
      const activityArn = await activity("shared");
      const machine = await create(stepwell, "shared", activityMachine(activityArn), roleArn);
      const polls = Array.from({ length: 6 }, (_, i) => take(activityArn, `worker-${i}`));
      const executions = await Promise.all(Array.from({ length: 6 }, (_, n) => start(stepwell, machine, { n })));
      const tasks = await Promise.all(polls);
      assert.equal(new Set(tasks.map(({ taskToken }) => taskToken)).size, 6);
      assert.deepEqual(
        tasks.map(({ input }) => (JSON.parse(input ?? "") as { n: number }).n).toSorted((a, b) => a - b),
        [0, 1, 2, 3, 4, 5],
      );
      for (const { taskToken, input } of tasks)
        await stepwell.as.states.send(new SendTaskSuccessCommand({ taskToken, output: input }));
      for (const [n, executionArn] of executions.entries())
        assert.equal((await ended(stepwell, executionArn)).output, JSON.stringify({ n }));
    });

    test("a task that waits outlives a restart; one that nobody wants any more is given to nobody", async () => {
      const activityArn = await activity("patient");
      const machine = await create(stepwell, "patient", activityMachine(activityArn), roleArn);
      const stopped = await start(stepwell, machine, { stopped: true });
      const kept = await start(stepwell, machine, { stopped: false });
      await scheduled(kept);
      await stepwell.as.states.send(new StopExecutionCommand({ executionArn: stopped }));
      stepwell = await stepwell.reopen();
      const { taskToken, input } = await take(activityArn);
      assert.equal(input, '{"stopped":false}');
      await stepwell.as.states.send(new SendTaskFailureCommand({ taskToken, error: "Mine" }));
      assert.equal((await ended(stepwell, kept)).error, "Mine");
    });

    test("the clock of a task starts with its worker", async () => {
      const activityArn = await activity("timed");
      const definition = activityMachine(activityArn, { TimeoutSeconds: 1 });
      const executionArn = await start(stepwell, await create(stepwell, "timed", definition, roleArn));
      await scheduled(executionArn);
      await take(activityArn);
      const end = await ended(stepwell, executionArn);
      assert.deepEqual([end.status, end.error], ["FAILED", "States.Timeout"]);
      const events = await history(stepwell, executionArn);
      assert.deepEqual(events.map(({ type }) => type).slice(2, 5), [
        "ActivityScheduled",
        "ActivityStarted",
        "ActivityTimedOut",
      ]);
      const started = events[3]?.timestamp?.getTime() ?? 0;
      assert.ok((events[4]?.timestamp?.getTime() ?? 0) >= started + 1000);
    });

    test("an activity that is not there fails the task when it is scheduled", async () => {
      const absent = `arn:aws:states:us-east-1:${stepwell.account}:activity:absent`;
      const executionArn = await start(stepwell, await create(stepwell, "absent", activityMachine(absent), roleArn));
      const end = await ended(stepwell, executionArn);
      assert.equal(end.status, "FAILED");
      const types = (await history(stepwell, executionArn)).map(({ type }) => type);
      assert.deepEqual(types.slice(2, 4), ["ActivityScheduled", "ActivityScheduleFailed"]);
    });

    test("workers that wait are answered when the node closes", async () => {
      const activityArn = await activity("closing");
      const poll = take(activityArn);
      // A second poll is queued behind the first: when its answer to another request is there, both wait.
      await stepwell.as.states.send(new DescribeActivityCommand({ activityArn }));
      const began = Date.now();
      const reopened = stepwell.reopen();
      const answer = await poll.catch((error: Error) => error.name);
      assert.ok(typeof answer === "string" || answer.taskToken === undefined);
      assert.ok(Date.now() - began < 50_000, "the poll was cut short");
      stepwell = await reopened;
    });
  });
