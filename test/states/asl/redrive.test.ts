import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "../../../src/states/asl/machine.ts";
import { step } from "../../../src/states/asl/step.ts";
import type { Facts, Run } from "../../../src/states/asl/types.ts";

let ids = 0;
const facts: Facts = { now: 1_000, random: () => 0.5, uuid: () => `id-${ids++}` };
const wait = (name: string) => ({ StartAt: name, States: { [name]: { Type: "Wait", Seconds: 60, End: true } } });
const machine = compile(
  JSON.stringify({
    StartAt: "Both",
    States: { Both: { Type: "Parallel", Branches: [wait("A"), wait("B")], End: true } },
  }),
  "STANDARD",
);
const execution = { id: "arn:aws:states:r:a:execution:m:n", name: "n", roleArn: "r", startTime: 0 };
const begun = () =>
  step(machine, null, { kind: "start", input: "{}", execution, stateMachine: { id: "m", name: "m" } }, facts).run;
const stopped = (run: Run) => step(machine, run, { kind: "stop" }, facts).run;

test("an aborted run goes on in each branch, and is itself not changed", () => {
  const run = stopped(begun());
  const before = JSON.stringify(run);
  const { events, effects, run: again } = step(machine, run, { kind: "redrive" }, facts);
  assert.equal(JSON.stringify(run), before);
  assert.deepEqual(
    events.map(({ type }) => type),
    ["ExecutionRedriven", "WaitStateEntered", "WaitStateEntered"],
  );
  assert.deepEqual([again.status, again.execution.redriveCount], ["RUNNING", 1]);
  assert.equal(effects.filter(({ kind }) => kind === "timer").length, 2);
});

test("a run that goes on or has succeeded is not redriven", () => {
  for (const run of [begun(), { ...begun(), status: "SUCCEEDED" as const }])
    assert.equal(step(machine, run, { kind: "redrive" }, facts).stale, true);
});

test("a redrive that fills the history ends with it", () => {
  const run = { ...stopped(begun()), lastEventId: 24_998 };
  const { events, ended } = step(machine, run, { kind: "redrive" }, facts);
  assert.deepEqual(
    events.map(({ id, type }) => [id, type]),
    [
      [24_999, "ExecutionRedriven"],
      [25_000, "ExecutionFailed"],
    ],
  );
  assert.equal(ended?.error, "States.Runtime");
});
