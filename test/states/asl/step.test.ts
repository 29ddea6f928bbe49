/** The transition function: events with AWS's ids and details, effects, retries, catchers, timers, children. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { step } from "../../../src/states/asl/step.ts";
import { machineOf, NOW, outputOf, Rehearsal, startSignal } from "./support.ts";

const S3 = "arn:aws:states:::aws-sdk:s3:listBuckets";
const QUEUE = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
const end = { End: true };
const pass = { Type: "Pass", End: true };
const NOT_TRUNCATED = { truncated: false };

void test("Helloworld: four events, the input's text untouched", () => {
  const machine = machineOf({ HelloWorld: pass });
  const input = ' {"a": 1.0} ';
  const facts = { now: NOW, random: () => 0, uuid: () => "id" };
  const { events, ended, effects, run, more } = step(machine, null, startSignal(input), facts);
  const timestamp = NOW;
  assert.deepEqual(events, [
    {
      id: 1,
      previousEventId: 0,
      timestamp,
      type: "ExecutionStarted",
      executionStartedEventDetails: {
        input,
        inputDetails: NOT_TRUNCATED,
        roleArn: "arn:aws:iam::123456789012:role/machine",
      },
    },
    {
      id: 2,
      previousEventId: 0,
      timestamp,
      type: "PassStateEntered",
      stateEnteredEventDetails: { name: "HelloWorld", input, inputDetails: NOT_TRUNCATED },
    },
    {
      id: 3,
      previousEventId: 2,
      timestamp,
      type: "PassStateExited",
      stateExitedEventDetails: { name: "HelloWorld", output: input, outputDetails: NOT_TRUNCATED },
    },
    {
      id: 4,
      previousEventId: 3,
      timestamp,
      type: "ExecutionSucceeded",
      executionSucceededEventDetails: { output: input, outputDetails: NOT_TRUNCATED },
    },
  ]);
  assert.deepEqual(ended, { status: "SUCCEEDED", output: input });
  assert.deepEqual([effects, run.status, more], [[], "SUCCEEDED", undefined]);
});

void test("a task: scheduled with its parameters, answered, its result placed", () => {
  const run = new Rehearsal(
    {
      T: {
        Type: "Task",
        Resource: S3,
        Parameters: { "Bucket.$": "$.b" },
        ResultSelector: { "n.$": "$.Count" },
        ResultPath: "$.r",
        OutputPath: "$.r",
        ...end,
      },
    },
    { b: "x" },
  );
  const { token, parameters, scheduledEventId, resource } = run.task();
  assert.deepEqual([parameters, scheduledEventId, resource], ['{"Bucket":"x"}', 3, S3]);
  assert.deepEqual(run.events[2]?.["taskScheduledEventDetails"], {
    parameters,
    region: "eu-west-1",
    resource: "listBuckets",
    resourceType: "aws-sdk:s3",
  });
  run.send({ kind: "taskSucceeded", token, output: '{"Count":3.0}' });
  assert.deepEqual(run.story(), [
    "1<0 ExecutionStarted",
    "2<0 TaskStateEntered",
    "3<2 TaskScheduled",
    "4<3 TaskStarted",
    "5<4 TaskSucceeded",
    "6<5 TaskStateExited",
    "7<6 ExecutionSucceeded",
  ]);
  assert.equal(run.ended?.output, '{"n":3.0}');
  assert.equal(run.send({ kind: "taskSucceeded", token, output: "1" }).stale, true);
});

void test("lambda and activity resources have their own events; an activity's clock starts with its worker", () => {
  const lambda = new Rehearsal({
    T: { Type: "Task", Resource: "arn:aws:lambda:eu-west-1:123456789012:function:f", TimeoutSeconds: 5, ...end },
  });
  lambda.send({ kind: "taskFailed", token: lambda.task().token, error: "E" });
  assert.deepEqual(lambda.story().slice(2), [
    "3<2 LambdaFunctionScheduled",
    "4<3 LambdaFunctionStarted",
    "5<4 LambdaFunctionFailed",
    "6<5 ExecutionFailed",
  ]);
  assert.deepEqual(lambda.events[4]?.["lambdaFunctionFailedEventDetails"], { error: "E" });
  assert.deepEqual(lambda.ended, { status: "FAILED", error: "E" });

  const activity = new Rehearsal({
    T: { Type: "Task", Resource: "arn:aws:states:eu-west-1:123456789012:activity:a", TimeoutSeconds: 5, ...end },
  });
  assert.deepEqual(
    activity.effects.map(({ kind }) => kind),
    ["task"],
  );
  activity.send({ kind: "taskStarted", token: activity.task().token, workerName: "w" });
  assert.deepEqual(activity.events[3]?.["activityStartedEventDetails"], { workerName: "w" });
  activity.fire("timeout:");
  assert.deepEqual(activity.story().slice(4), ["5<4 ActivityTimedOut", "6<5 ExecutionFailed"]);
  assert.deepEqual(activity.ended, { status: "FAILED", error: "States.Timeout" });
});

void test("a task that could not be started says so with the event that its kind of resource has", () => {
  const last = (resource: string, phase: "ScheduleFailed" | "SubmitFailed"): string => {
    const run = new Rehearsal({ T: { Type: "Task", Resource: resource, ...end } });
    run.send({ kind: "taskFailed", token: run.task().token, error: "E", phase });
    return run.story().slice(3, -1).join();
  };
  assert.equal(last(S3, "ScheduleFailed"), "4<3 TaskStartFailed");
  assert.equal(last(QUEUE, "SubmitFailed"), "4<3 TaskStarted,5<4 TaskSubmitFailed");
  assert.equal(
    last("arn:aws:lambda:eu-west-1:123456789012:function:f", "ScheduleFailed"),
    "4<3 LambdaFunctionScheduleFailed",
  );
});

void test("each heartbeat starts the clock anew; an expired one is caught as States.HeartbeatTimeout", () => {
  const run = new Rehearsal({
    T: {
      Type: "Task",
      Resource: QUEUE,
      HeartbeatSeconds: 10,
      Parameters: { "t.$": "$$.Task.Token" },
      Catch: [{ ErrorEquals: ["States.HeartbeatTimeout"], Next: "C" }],
      ...end,
    },
    C: pass,
  });
  const { token, parameters } = run.task();
  assert.deepEqual(JSON.parse(parameters), { t: token });
  run.send({ kind: "taskSubmitted", token, output: "{}" });
  run.now += 9_000;
  run.send({ kind: "heartbeat", token });
  const timer = run.timer("heartbeat:");
  assert.equal(timer.at, NOW + 19_000);
  run.now = NOW + 10_000;
  const early = run.send({ kind: "timer", id: timer.id });
  assert.equal(early.stale, true);
  assert.deepEqual(early.effects, [timer]);
  run.now = timer.at;
  run.send({ kind: "timer", id: timer.id });
  assert.deepEqual(run.story().slice(2, 7), [
    "3<2 TaskScheduled",
    "4<3 TaskStarted",
    "5<4 TaskSubmitted",
    "6<5 TaskTimedOut",
    "7<6 TaskStateExited",
  ]);
  assert.deepEqual(JSON.parse(run.ended?.output ?? ""), { Error: "States.Timeout", Cause: null });
});

void test("Retry: own counters, backoff, cap and jitter; a new token each time; then Catch", () => {
  const run = new Rehearsal({
    T: {
      Type: "Task",
      Resource: S3,
      Retry: [
        { ErrorEquals: ["A"], IntervalSeconds: 2, BackoffRate: 3, MaxAttempts: 3, MaxDelaySeconds: 10 },
        { ErrorEquals: ["B"], MaxAttempts: 1, JitterStrategy: "FULL" },
      ],
      Catch: [{ ErrorEquals: ["States.TaskFailed"], ResultPath: "$.e", Assign: { "why.$": "$.Error" }, Next: "C" }],
      ...end,
    },
    C: { Type: "Pass", Parameters: { "e.$": "$.e", "why.$": "$why" }, End: true },
  });
  const tokens = new Set<string>();
  const delays: number[] = [];
  for (const error of ["A", "A", "B", "A"]) {
    const { token } = run.task();
    tokens.add(token);
    run.send({ kind: "taskFailed", token, error });
    delays.push(run.timer("retry:").at - run.now);
    run.fire("retry:");
  }
  assert.deepEqual(delays, [2000, 6000, 500, 10_000]);
  assert.equal(run.task().retryCount, 4);
  run.send({ kind: "taskFailed", token: run.task().token, error: "A", cause: "c" });
  assert.equal(tokens.size, 4);
  assert.equal(run.events.filter(({ type }) => type === "TaskStateEntered").length, 1);
  assert.deepEqual(JSON.parse(run.ended?.output ?? ""), { e: { Error: "A", Cause: "c" }, why: "A" });
});

void test("what States.ALL and States.TaskFailed take", () => {
  const caught = (listed: string, error: string): string | undefined => {
    const run = new Rehearsal({
      T: { Type: "Task", Resource: S3, Catch: [{ ErrorEquals: [listed], Next: "C" }], ...end },
      C: pass,
    });
    run.send({ kind: "taskFailed", token: run.task().token, error });
    return run.ended?.status;
  };
  assert.equal(caught("States.ALL", "States.Timeout"), "SUCCEEDED");
  assert.equal(caught("States.TaskFailed", "States.Timeout"), "FAILED");
  assert.equal(caught("States.TaskFailed", "S3.NoSuchBucketException"), "SUCCEEDED");
  assert.equal(caught("States.ALL", "States.Runtime"), "FAILED");
  assert.equal(caught("States.Runtime", "States.Runtime"), "FAILED");
});

void test("a result of more than 256 KiB is States.DataLimitExceeded, which a Task can catch", () => {
  const run = new Rehearsal({
    T: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke",
      Catch: [{ ErrorEquals: ["States.ALL"], Next: "C" }],
      ...end,
    },
    C: pass,
  });
  run.send({ kind: "taskSucceeded", token: run.task().token, output: JSON.stringify("é".repeat(131_072)) });
  assert.deepEqual(JSON.parse(run.ended?.output ?? ""), {
    Error: "States.DataLimitExceeded",
    Cause: "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit.",
  });
});

void test("Wait: timers, the past, and what cannot be waited for", () => {
  const run = new Rehearsal({ W: { Type: "Wait", SecondsPath: "$.s", ...end } }, { s: 90 });
  assert.equal(run.timer("wait:").at, NOW + 90_000);
  run.fire("wait:");
  assert.equal(run.ended?.status, "SUCCEEDED");
  assert.deepEqual(outputOf({ W: { Type: "Wait", Timestamp: "2020-01-01T00:00:00Z", ...end } }), {});
  const cause = (fields: object, input: object): string | undefined =>
    new Rehearsal({ W: { Type: "Wait", ...fields, ...end } }, input).ended?.cause;
  assert.match(
    cause({ SecondsPath: "$.x" }, {}) ?? "",
    /The SecondsPath parameter does not reference an input value: \$\.x$/,
  );
  assert.match(cause({ SecondsPath: "$.x" }, { x: 1.5 }) ?? "", /cannot be parsed as a long value: \$\.x == 1\.5$/);
  assert.match(cause({ SecondsPath: "$.x" }, { x: "soon" }) ?? "", /cannot be parsed as a long value: \$\.x == soon$/);
  assert.equal(
    new Rehearsal({ W: { Type: "Wait", SecondsPath: "$.x", ...end } }, { x: "7" }).timer("wait:").at,
    NOW + 7000,
  );
  assert.match(cause({ SecondsPath: "$.x" }, { x: 24_856 * 86_400 }) ?? "", /Wait state delay is too long\.$/);
  assert.match(
    cause({ TimestampPath: "$.x" }, { x: "2016-13-05T21:29:29Z" }) ?? "",
    /The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: \$\.x == 2016-13-05T21:29:29Z$/,
  );
});

void test("Fail: an empty one has no error key at all; paths and intrinsics give strings", () => {
  assert.deepEqual(new Rehearsal({ F: { Type: "Fail" } }).events.at(-1)?.["executionFailedEventDetails"], {});
  const run = new Rehearsal(
    { F: { Type: "Fail", ErrorPath: "$.e", CausePath: "States.Format('{}!', $.c)" } },
    { e: "E", c: "why" },
  );
  assert.deepEqual(run.ended, { status: "FAILED", error: "E", cause: "why!" });
});

void test("variables: read in the next state, seen inside a Map, dropped at its end", () => {
  const run = new Rehearsal(
    {
      A: { Type: "Pass", Assign: { x: 1, "y.$": "$.a" }, Next: "B" },
      B: { Type: "Pass", Assign: { "x.$": "$y", "old.$": "$x" }, Next: "M" },
      M: {
        Type: "Map",
        ItemsPath: "$.l",
        ResultPath: "$.m",
        Next: "C",
        ItemProcessor: {
          StartAt: "I",
          States: {
            I: { Type: "Pass", Assign: { "mine.$": "$" }, Next: "J" },
            J: { Type: "Pass", Parameters: { "s.$": "States.Array($x, $mine)" }, End: true },
          },
        },
      },
      C: { Type: "Pass", Parameters: { "v.$": "States.Array($x, $old)", "m.$": "$.m" }, Next: "D" },
      D: { Type: "Pass", Parameters: { "gone.$": "$mine" }, End: true },
    },
    { a: "a", l: [7, 8] },
  );
  const outputs = run.events
    .filter(({ type }) => type === "PassStateExited")
    .map((event) => Object(event["stateExitedEventDetails"]));
  assert.deepEqual(outputs[0], {
    name: "A",
    output: '{"a":"a","l":[7,8]}',
    outputDetails: NOT_TRUNCATED,
    assignedVariables: { x: "1", y: '"a"' },
    assignedVariablesDetails: NOT_TRUNCATED,
  });
  assert.equal(outputs.at(-1).output, '{"v":["a",1],"m":[{"s":["a",7]},{"s":["a",8]}]}');
  assert.match(run.ended?.cause ?? "", /\$mine/);
});

void test("variables: one Assign holds 256 KiB, an execution 10 MiB", () => {
  const big = (bytes: number): string => "x".repeat(bytes - 2);
  const assigning = (value: string): object => ({ Type: "Pass", Result: {}, Assign: { v: value } });
  const one = (bytes: number): string | undefined =>
    new Rehearsal({ A: { ...assigning(big(bytes)), ...end } }).ended?.error;
  assert.equal(one(262_144), undefined);
  assert.equal(one(262_145), "States.DataLimitExceeded");

  // 40 iterations hold a variable of 256 KiB each, which is 10 MiB: nothing more fits into the outer scope.
  const hold = { Type: "Wait", Seconds: 9, ...end };
  const inner = { StartAt: "I", States: { I: { ...assigning(big(262_144)), Next: "W" }, W: hold } };
  const map = { Type: "Map", MaxConcurrency: 40, ItemProcessor: inner, ...end };
  const items = Array.from({ length: 40 }, () => 0);
  assert.equal(new Rehearsal({ M: map }, items).ended, undefined);
  const outer = { Type: "Pass", Assign: { o: "x" }, Next: "M" };
  assert.equal(new Rehearsal({ A: outer, M: map }, items).ended?.error, "States.DataLimitExceeded");
});

void test("stop and the machine's TimeoutSeconds end everything without a word about the states", () => {
  const states = {
    P: {
      Type: "Parallel",
      ...end,
      Branches: [{ StartAt: "T", States: { T: { Type: "Task", Resource: S3, ...end } } }],
    },
  };
  const stopped = new Rehearsal(states);
  const { token } = stopped.task();
  stopped.send({ kind: "stop", cause: "enough" });
  assert.deepEqual(stopped.events.at(-1)?.["executionAbortedEventDetails"], { cause: "enough" });
  assert.deepEqual(stopped.ended, { status: "ABORTED", cause: "enough" });
  assert.ok(stopped.effects.some((effect) => effect.kind === "cancelTask" && effect.token === token));
  assert.equal(stopped.send({ kind: "stop" }).stale, true);

  const late = new Rehearsal({ W: { Type: "Wait", Seconds: 99, ...end } }, {}, { TimeoutSeconds: 5 });
  assert.deepEqual(late.effects[0], { kind: "timer", id: "execution", at: NOW + 5000 });
  late.now += 5000;
  late.send({ kind: "timer", id: "execution" });
  assert.deepEqual(late.story().slice(1), ["2<0 WaitStateEntered", "3<0 ExecutionTimedOut"]);
  assert.deepEqual(late.ended, { status: "TIMED_OUT" });
});

void test("an endless loop pauses within the budget and ends with the history's last event", () => {
  const run = new Rehearsal({
    A: { Type: "Pass", Next: "B" },
    B: { Type: "Choice", Choices: [{ Variable: "$.stop", IsPresent: true, Next: "E" }], Default: "A" },
    E: { Type: "Succeed" },
  });
  assert.ok(run.last.more === true && run.events.length < 1010);
  for (let i = 0; run.last.more === true && i < 100; i += 1) run.send({ kind: "continue" });
  assert.deepEqual(run.ended, {
    status: "FAILED",
    error: "States.Runtime",
    cause: "The execution reached the maximum number of history events (25000).",
  });
  assert.equal(run.events.length, 25_000);
});

void test("data nested beyond the stack fails the state, not the process", () => {
  const depth = 100_000;
  const machine = machineOf({ P: { Type: "Pass", Parameters: { "x.$": "States.ArrayUnique($)" }, End: true } });
  const facts = { now: NOW, random: () => 0, uuid: () => "id" };
  const { ended } = step(machine, null, startSignal(`${"[".repeat(depth)}${"]".repeat(depth)}`), facts);
  assert.match(ended?.cause ?? "", /nested too deeply/);
});
