/** Parallel and Map: threads below a thread, their events, their failures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { outputOf, Rehearsal } from "./support.ts";

const S3 = "arn:aws:states:::aws-sdk:s3:listBuckets";
const end = { End: true };
const pass = { Type: "Pass", End: true };

void test("Map: events as recorded, order of results, ItemSelector", () => {
  const run = new Rehearsal(
    {
      M: {
        Type: "Map",
        MaxConcurrency: 1,
        ItemsPath: "$.l",
        ...end,
        ItemSelector: { "i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "k.$": "$.k" },
        ItemProcessor: { StartAt: "I", States: { I: pass } },
      },
    },
    { l: ["a", "b"], k: 1 },
  );
  assert.deepEqual(run.story(), [
    "1<0 ExecutionStarted",
    "2<0 MapStateEntered",
    "3<2 MapStateStarted",
    "4<3 MapIterationStarted",
    "5<4 PassStateEntered",
    "6<5 PassStateExited",
    "7<6 MapIterationSucceeded",
    "8<6 MapIterationStarted",
    "9<8 PassStateEntered",
    "10<9 PassStateExited",
    "11<10 MapIterationSucceeded",
    "12<11 MapStateSucceeded",
    "13<11 MapStateExited",
    "14<13 ExecutionSucceeded",
  ]);
  assert.deepEqual(JSON.parse(run.ended?.output ?? ""), [
    { i: 0, v: "a", k: 1 },
    { i: 1, v: "b", k: 1 },
  ]);
  const none = new Rehearsal({ M: { Type: "Map", ...end, ItemProcessor: { StartAt: "I", States: { I: pass } } } }, []);
  assert.equal(none.ended?.output, "[]");
  const wrong = new Rehearsal(
    { M: { Type: "Map", ...end, ItemProcessor: { StartAt: "I", States: { I: pass } } } },
    "foo",
  );
  assert.match(wrong.ended?.cause ?? "", /Map state input must be an array but was: "foo"$/);
});

void test("Map: never more than MaxConcurrency at once, results in item order whatever the order of the answers", () => {
  const run = new Rehearsal(
    {
      M: {
        Type: "Map",
        MaxConcurrency: 2,
        ...end,
        ItemProcessor: { StartAt: "T", States: { T: { Type: "Task", Resource: S3, ...end } } },
      },
    },
    [0, 1, 2, 3],
  );
  const open = new Map<string, string>();
  for (;;) {
    for (const effect of run.effects) if (effect.kind === "task") open.set(effect.token, effect.parameters);
    assert.ok(open.size <= 2);
    const last = [...open].at(-1);
    if (last === undefined) break;
    open.delete(last[0]);
    run.send({ kind: "taskSucceeded", token: last[0], output: `"${last[1]}"` });
  }
  assert.deepEqual(JSON.parse(run.ended?.output ?? ""), ["0", "1", "2", "3"]);
});

void test("a failing iteration fails the Map with its own error, aborts the others, and Retry reruns the whole state", () => {
  const run = new Rehearsal(
    {
      M: {
        Type: "Map",
        ItemProcessor: { StartAt: "T", States: { T: { Type: "Task", Resource: S3, TimeoutSeconds: 9, ...end } } },
        Retry: [{ ErrorEquals: ["E"], MaxAttempts: 1 }],
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "C" }],
        ...end,
      },
      C: pass,
    },
    [0, 1],
  );
  const [first, second] = run.effects.filter((effect) => effect.kind === "task");
  run.send({ kind: "taskFailed", token: first?.token ?? "", error: "E" });
  assert.ok(run.effects.some((effect) => effect.kind === "cancelTask" && effect.token === second?.token));
  run.fire("retry:");
  const [third] = run.effects.filter((effect) => effect.kind === "task");
  run.send({ kind: "taskFailed", token: third?.token ?? "", error: "E" });
  assert.equal(run.ended?.output, '{"Error":"E","Cause":null}');
  assert.deepEqual(
    run.events.map(({ type }) => type).filter((type) => /Aborted|MapState|Failed/.test(type)),
    [
      "MapStateEntered",
      "MapStateStarted",
      "TaskFailed",
      "MapIterationFailed",
      "TaskStateAborted",
      "MapIterationAborted",
      "MapStateStarted",
      "TaskFailed",
      "MapIterationFailed",
      "TaskStateAborted",
      "MapIterationAborted",
      "MapStateFailed",
      "MapStateExited",
    ],
  );
});

void test("Parallel: an array in branch order; a failing branch aborts its siblings", () => {
  const branch = (name: string, state: object): object => ({ StartAt: name, States: { [name]: state } });
  assert.deepEqual(
    outputOf({
      P: {
        Type: "Parallel",
        ...end,
        Branches: [branch("A", { ...pass, Result: 1 }), branch("B", { ...pass, Result: 2.5 })],
      },
    }),
    [1, 2.5],
  );
  const run = new Rehearsal({
    P: {
      Type: "Parallel",
      ...end,
      Branches: [branch("W", { Type: "Wait", Seconds: 9, ...end }), branch("F", { Type: "Fail", Error: "E" })],
    },
  });
  assert.deepEqual(run.story().slice(2), [
    "3<2 ParallelStateStarted",
    "4<3 WaitStateEntered",
    "5<3 FailStateEntered",
    "6<4 WaitStateAborted",
    "7<5 ParallelStateFailed",
    "8<7 ExecutionFailed",
  ]);
  assert.deepEqual(run.ended, { status: "FAILED", error: "E" });
  assert.deepEqual(run.effects.at(-1), { kind: "cancelTimer", id: "wait:4" });
});

void test("States.Runtime ends the execution where it happens: nothing around it speaks, nothing catches it", () => {
  const lost = { Type: "Pass", Parameters: { "m.$": "$.nope" }, End: true };
  const catcher = { Retry: [{ ErrorEquals: ["States.ALL"] }], Catch: [{ ErrorEquals: ["States.ALL"], Next: "C" }] };
  const branches = [
    { StartAt: "W", States: { W: { Type: "Wait", Seconds: 9, ...end } } },
    { StartAt: "Fast", States: { Fast: lost } },
  ];
  const parallel = new Rehearsal(
    { P: { Type: "Parallel", Branches: branches, ...catcher, ...end }, C: pass },
    { x: "a" },
  );
  assert.deepEqual(parallel.story().slice(2), [
    "3<2 ParallelStateStarted",
    "4<3 WaitStateEntered",
    "5<3 PassStateEntered",
    "6<5 ExecutionFailed",
  ]);
  assert.deepEqual(parallel.ended, {
    status: "FAILED",
    error: "States.Runtime",
    cause:
      "An error occurred while executing the state 'Fast' (entered at the event id #5). The JSONPath '$.nope' specified " +
      `for the field 'm.$' could not be found in the input '{"x":"a"}'`,
  });
  assert.ok(parallel.effects.some(({ kind }) => kind === "cancelTimer"));
  const map = new Rehearsal(
    { M: { Type: "Map", ItemProcessor: { StartAt: "I", States: { I: lost } }, ...catcher, ...end }, C: pass },
    [1],
  );
  assert.deepEqual(map.story().slice(2), [
    "3<2 MapStateStarted",
    "4<3 MapIterationStarted",
    "5<4 PassStateEntered",
    "6<5 ExecutionFailed",
  ]);
});
