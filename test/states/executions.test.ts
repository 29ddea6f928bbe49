import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { stores } from "../support/stores.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { ABSENT, create, ended, HELLO, history, roleFor, start, WAITING } from "./fixture.ts";

for (const store of stores)
  describe(`executions on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    let hello: string;
    let waiting: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "machine-role", []);
      hello = await create(stepwell, "hello", HELLO, roleArn);
      waiting = await create(stepwell, "waiting", WAITING, roleArn);
    });
    after(() => stepwell.close());
    const failsWith = (name: string, message?: string) => (error: Error) => {
      assert.equal(error.name, name);
      if (message !== undefined) assert.equal(error.message, message);
      return true;
    };

    test("a Pass machine has ended when its start is answered", async () => {
      const { states } = stepwell.as;
      const started = await states.send(
        new StartExecutionCommand({ stateMachineArn: hello, name: "first", input: '{"a":1.0}' }),
      );
      assert.equal(started.executionArn, `arn:aws:states:us-east-1:${stepwell.account}:execution:hello:first`);
      const executionArn = started.executionArn ?? "";
      const described = await states.send(new DescribeExecutionCommand({ executionArn }));
      assert.deepEqual(
        { ...described, $metadata: undefined, stopDate: undefined },
        {
          $metadata: undefined,
          executionArn,
          stateMachineArn: hello,
          name: "first",
          status: "SUCCEEDED",
          startDate: started.startDate,
          stopDate: undefined,
          input: '{"a":1.0}',
          inputDetails: { included: true },
          output: '"Hello World!"',
          outputDetails: { included: true },
          redriveCount: 0,
          redriveStatus: "NOT_REDRIVABLE",
          redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
        },
      );
      assert.ok(described.stopDate);
      const events = await history(stepwell, executionArn);
      assert.deepEqual(
        events.map(({ id, previousEventId, type }) => [id, previousEventId, type]),
        [
          [1, 0, "ExecutionStarted"],
          [2, 0, "PassStateEntered"],
          [3, 2, "PassStateExited"],
          [4, 3, "ExecutionSucceeded"],
        ],
      );
    });

    test("the same start twice is one execution while it runs; anything else under its name is refused", async () => {
      const { states } = stepwell.as;
      const input = { stateMachineArn: waiting, name: "twice", input: "{}" };
      const first = await states.send(new StartExecutionCommand(input));
      const second = await states.send(new StartExecutionCommand(input));
      assert.deepEqual([second.executionArn, second.startDate], [first.executionArn, first.startDate]);
      const refusal = failsWith("ExecutionAlreadyExists", `Execution Already Exists: '${first.executionArn}'`);
      await assert.rejects(states.send(new StartExecutionCommand({ ...input, input: "[]" })), refusal);
      await states.send(new StopExecutionCommand({ executionArn: first.executionArn }));
      await assert.rejects(states.send(new StartExecutionCommand(input)), refusal);
    });

    test("what AWS refuses at a start is refused", async () => {
      const { states } = stepwell.as;
      const send = (more: { name?: string; input?: string; stateMachineArn?: string }) =>
        states.send(new StartExecutionCommand({ stateMachineArn: hello, ...more }));
      await assert.rejects(
        send({ stateMachineArn: ABSENT }),
        failsWith("StateMachineDoesNotExist", `State Machine Does Not Exist: '${ABSENT}'`),
      );
      await assert.rejects(send({ name: "a b" }), failsWith("InvalidName", "Invalid Name: 'a b'"));
      await assert.rejects(send({ input: "nonsense" }), failsWith("InvalidExecutionInput"));
      await assert.rejects(
        send({ stateMachineArn: hello.replace("us-east-1", "us-west-2") }),
        failsWith("StateMachineDoesNotExist"),
      );
      const gone = states.send(
        new DescribeExecutionCommand({ executionArn: `${hello.replace(":stateMachine:", ":execution:")}:absent` }),
      );
      await assert.rejects(gone, failsWith("ExecutionDoesNotExist"));
    });

    test("an execution is stopped with its reason, once", async () => {
      const { states } = stepwell.as;
      const executionArn = await start(stepwell, waiting);
      const stopped = await states.send(new StopExecutionCommand({ executionArn, error: "Enough", cause: "of this" }));
      const described = await ended(stepwell, executionArn);
      assert.deepEqual([described.status, described.error, described.cause], ["ABORTED", "Enough", "of this"]);
      assert.deepEqual(described.stopDate, stopped.stopDate);
      const again = await states.send(new StopExecutionCommand({ executionArn, error: "Other" }));
      assert.deepEqual(again.stopDate, stopped.stopDate);
      const last = (await history(stepwell, executionArn)).at(-1);
      assert.deepEqual(
        [last?.type, last?.executionAbortedEventDetails],
        ["ExecutionAborted", { error: "Enough", cause: "of this" }],
      );
    });

    test("executions are listed newest first, by page and by status", async () => {
      const { states } = stepwell.as;
      const stateMachineArn = await create(stepwell, "listed", HELLO, roleArn);
      const started: string[] = [];
      for (let i = 0; i < 7; i++) started.unshift(await start(stepwell, stateMachineArn));
      const seen: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await states.send(
          new ListExecutionsCommand({ stateMachineArn, maxResults: 3, ...(nextToken !== undefined && { nextToken }) }),
        );
        for (const execution of page.executions ?? []) seen.push(execution.executionArn ?? "");
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      assert.deepEqual(seen, started);
      const running = await states.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: "RUNNING" }));
      assert.deepEqual(running.executions, []);
      const done = await states.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: "SUCCEEDED" }));
      assert.equal(done.executions?.length, 7);
      await assert.rejects(
        states.send(new ListExecutionsCommand({ stateMachineArn, nextToken: "nonsense" })),
        failsWith("InvalidToken"),
      );
    });

    test("a history is read by page, forwards and backwards, with and without data", async () => {
      const { states } = stepwell.as;
      const wait = { Type: "Wait", Seconds: 0, Next: "B" };
      const definition = {
        StartAt: "A",
        States: {
          A: wait,
          B: { ...wait, Next: "C" },
          C: { Type: "Wait", Seconds: 1, Next: "D" },
          D: { Type: "Succeed" },
        },
      };
      const executionArn = await start(stepwell, await create(stepwell, "paged", JSON.stringify(definition), roleArn), {
        a: 1,
      });
      await ended(stepwell, executionArn);
      const whole = await history(stepwell, executionArn);
      assert.equal(whole.at(-1)?.type, "ExecutionSucceeded");
      assert.deepEqual(
        whole.map(({ id }) => id),
        whole.map((_, index) => index + 1),
      );
      for (const reverseOrder of [false, true]) {
        const ids: (number | undefined)[] = [];
        let nextToken: string | undefined;
        do {
          const page = await states.send(
            new GetExecutionHistoryCommand({
              executionArn,
              maxResults: 2,
              reverseOrder,
              includeExecutionData: false,
              ...(nextToken !== undefined && { nextToken }),
            }),
          );
          for (const event of page.events ?? []) {
            ids.push(event.id);
            assert.doesNotMatch(JSON.stringify(event), /input|output/);
          }
          nextToken = page.nextToken;
        } while (nextToken !== undefined);
        assert.deepEqual(
          reverseOrder ? ids.toReversed() : ids,
          whole.map(({ id }) => id),
        );
      }
    });

    test("a wait goes on after a restart", async () => {
      const own = await startStepwell(store);
      let again = own;
      try {
        const role = await roleFor(own, "machine-role", []);
        const wait = {
          StartAt: "Rest",
          States: { Rest: { Type: "Wait", Seconds: 1, Next: "End" }, End: { Type: "Succeed" } },
        };
        const executionArn = await start(own, await create(own, "restarted", JSON.stringify(wait), role));
        again = await own.reopen();
        assert.equal((await ended(again, executionArn)).status, "SUCCEEDED");
        const events = await history(again, executionArn);
        assert.deepEqual(
          events.map(({ id }) => id),
          events.map((_, index) => index + 1),
        );
        assert.equal(events.filter(({ type }) => type === "WaitStateExited").length, 1);
      } finally {
        await again.close();
      }
    });
  });
