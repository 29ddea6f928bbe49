import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CreateStateMachineCommand,
  DescribeStateMachineCommand,
  RedriveExecutionCommand,
  UpdateStateMachineCommand,
  type LoggingConfiguration,
} from "@aws-sdk/client-sfn";
import { DONE } from "../../src/relay/relay.ts";
import { entriesOf, loggingOf } from "../../src/states/logs/entry.ts";
import { trimLogsWorker } from "../../src/states/logs/retention.ts";
import { insertLogEvent } from "../../src/states/logs/rows.ts";
import { stores } from "../support/stores.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { ended, HELLO, roleFor, start } from "./fixture.ts";
import { groupArn, logged } from "./logs.ts";

const FAILING = JSON.stringify({
  StartAt: "Rest",
  States: { Rest: { Type: "Wait", Seconds: 0, Next: "F" }, F: { Type: "Fail", Error: "Own", Cause: "because" } },
});
const DAY_MS = 86_400_000;

for (const store of stores)
  describe(`logging on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "machine-role", []);
    });
    after(() => stepwell.close());

    function configuration(name: string, level: LoggingConfiguration["level"], data = true): LoggingConfiguration {
      const destinations = [{ cloudWatchLogsLogGroup: { logGroupArn: groupArn(stepwell, name) } }];
      return { level, includeExecutionData: data, destinations };
    }
    async function machine(name: string, definition: string, loggingConfiguration: LoggingConfiguration) {
      const command = new CreateStateMachineCommand({ name, definition, roleArn, loggingConfiguration });
      return (await stepwell.as.states.send(command)).stateMachineArn ?? "";
    }

    test("a Standard execution logs what its history says", async () => {
      const arn = await machine("all", HELLO, configuration("all", "ALL"));
      const executionArn = await start(stepwell, arn, { a: 1 });
      await ended(stepwell, executionArn);
      const entries = await logged(stepwell, "all");
      const untruncated = { truncated: false };
      assert.deepEqual(
        entries.map(({ id, type, details, previous_event_id }) => [id, type, details, previous_event_id]),
        [
          ["1", "ExecutionStarted", { input: '{"a":1}', inputDetails: untruncated, roleArn }, "0"],
          ["2", "PassStateEntered", { input: '{"a":1}', inputDetails: untruncated, name: "Hello" }, "0"],
          ["3", "PassStateExited", { name: "Hello", output: '"Hello World!"', outputDetails: untruncated }, "2"],
          ["4", "ExecutionSucceeded", { output: '"Hello World!"', outputDetails: untruncated }, "3"],
        ],
      );
      for (const entry of entries) {
        assert.deepEqual([entry.execution_arn, entry.redrive_count], [executionArn, "0"]);
        assert.match(entry.event_timestamp, /^\d{13}$/);
      }
    });

    test("a level lets through what AWS logs at it, without the data if so asked", async () => {
      const typesAt = async (level: LoggingConfiguration["level"]): Promise<string[]> => {
        const name = `level-${level}`;
        const arn = await machine(name, FAILING, configuration(name, level, false));
        await ended(stepwell, await start(stepwell, arn));
        const entries = await logged(stepwell, name);
        for (const { details } of entries) assert.ok(!("input" in details || "inputDetails" in details));
        return entries.map(({ type }) => type);
      };
      assert.deepEqual(await typesAt("OFF"), []);
      assert.deepEqual(await typesAt("FATAL"), ["ExecutionFailed"]);
      assert.deepEqual(await typesAt("ERROR"), ["FailStateEntered", "ExecutionFailed"]);
      const whole = ["ExecutionStarted", "WaitStateEntered", "WaitStateExited", "FailStateEntered", "ExecutionFailed"];
      assert.deepEqual(await typesAt("ALL"), whole);
    });

    test("another logging is another revision, and executions log as their revision says", async () => {
      const { states } = stepwell.as;
      const stateMachineArn = await machine("changed", HELLO, configuration("changed", "OFF"));
      await ended(stepwell, await start(stepwell, stateMachineArn));
      const loggingConfiguration = configuration("changed", "ALL");
      const update = new UpdateStateMachineCommand({ stateMachineArn, loggingConfiguration });
      const { revisionId } = await states.send(update);
      assert.ok(revisionId);
      assert.equal((await states.send(update)).revisionId, revisionId);
      const described = await states.send(new DescribeStateMachineCommand({ stateMachineArn }));
      assert.deepEqual([described.loggingConfiguration, described.revisionId], [loggingConfiguration, revisionId]);
      await ended(stepwell, await start(stepwell, stateMachineArn));
      assert.equal((await logged(stepwell, "changed")).length, 4);
    });

    test("a redriven execution logs on, and says how often it was redriven", async () => {
      const stateMachineArn = await machine("redriven", FAILING, configuration("redriven", "ALL"));
      const executionArn = await start(stepwell, stateMachineArn);
      await ended(stepwell, executionArn);
      await stepwell.as.states.send(new RedriveExecutionCommand({ executionArn }));
      await ended(stepwell, executionArn);
      const entries = await logged(stepwell, "redriven");
      const redriven = entries.findIndex(({ type }) => type === "ExecutionRedriven");
      assert.deepEqual(
        entries.map(({ id }) => id),
        entries.map((_, index) => String(index + 1)),
      );
      assert.deepEqual(new Set(entries.slice(0, redriven).map((entry) => entry.redrive_count)), new Set(["0"]));
      assert.deepEqual(new Set(entries.slice(redriven).map((entry) => entry.redrive_count)), new Set(["1"]));
      assert.equal(entries.at(-1)?.type, "ExecutionFailed");
    });

    test("a destination that AWS refuses is refused", async () => {
      const refused = async (given: LoggingConfiguration, reason: string): Promise<void> => {
        const message = `Invalid Logging Configuration: ${reason}`;
        await assert.rejects(machine("refused", HELLO, given), { name: "InvalidLoggingConfiguration", message });
      };
      const one = "Must specify exactly one Log Destination.";
      await refused({ level: "ALL" }, one);
      const twice = configuration("refused", "OFF").destinations ?? [];
      await refused({ level: "OFF", destinations: [...twice, ...twice] }, one);
      const logGroupArn = groupArn(stepwell, "refused").slice(0, -2);
      const destinations = [{ cloudWatchLogsLogGroup: { logGroupArn } }];
      await refused({ level: "ALL", destinations }, "Log Group ARN must be provided with '*' qualifier.");
    });

    test("what was logged leaves after 90 days", async () => {
      const { parts } = stepwell.node;
      const now = parts.clock.now();
      const group = { account: stepwell.account, region: stepwell.region, name: "/aws/vendedlogs/states/old" };
      const event = { stream: "s", ingestion: now, message: "{}" };
      const worker = trimLogsWorker(parts);
      let body: unknown = { after: { account: "", region: "", name: "" } };
      await parts.store.write(async (transaction) => {
        await insertLogEvent(transaction, group, { ...event, serial: 1, timestamp: now - 91 * DAY_MS });
        await insertLogEvent(transaction, group, { ...event, serial: 2, timestamp: now - 89 * DAY_MS });
        for (let turn = 0; turn < 50; turn++) {
          const work = { id: "", kind: "states.trimLogs", key: "", trace: "", attempt: 1, since: now, body };
          const outcome = await worker(transaction, work);
          assert.notEqual(outcome, DONE);
          if (outcome.kind === "done" || outcome.dueAt > now + 60_000) break;
          body = outcome.body;
        }
      });
      const serials = await parts.store.read((reader) =>
        reader.all<{ serial: number }>("select serial from logs_event where group_name = $1", [group.name]),
      );
      assert.deepEqual(
        serials.map(({ serial }) => serial),
        [2],
      );
    });
  });

test("a payload that is too long for a log event is cut, and says so", () => {
  const arn = "arn:aws:logs:us-east-1:123456789012:log-group:g:*";
  const destinations = [{ cloudWatchLogsLogGroup: { logGroupArn: arn } }];
  const logging = loggingOf(JSON.stringify({ level: "ALL", includeExecutionData: true, destinations }));
  assert.ok(logging);
  const output = JSON.stringify('"'.repeat(80_000));
  const details = { output, outputDetails: { truncated: false } };
  const event = { id: 4, previousEventId: 3, timestamp: 5, type: "ExecutionSucceeded" };
  const [entry] = entriesOf(logging, "arn", 0, [{ ...event, executionSucceededEventDetails: details }]);
  const message = JSON.parse(entry?.message ?? "") as { details: typeof details };
  assert.deepEqual(message.details.outputDetails, { truncated: true });
  assert.ok(output.startsWith(message.details.output) && message.details.output.length > 10_000);
  assert.ok(Buffer.byteLength(entry?.message ?? "") < 256 * 1024);
});
