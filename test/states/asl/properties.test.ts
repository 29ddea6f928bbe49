/** What holds for every machine, every input and whatever happens. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse, step, type Run, type Signal, type Transition } from "../../../src/asl.ts";
import { answers, definitions, inputs } from "./arbitrary.ts";
import { factsAt, live, type Life } from "./life.ts";
import { NOW } from "./support.ts";

const SEED = { seed: 20261123 };

test("a run that is interrupted at every boundary, each time stored as text, has the history of one that is not", () => {
  const kinds = new Map<string, number>();
  let ended = 0;
  fc.assert(
    fc.property(definitions, inputs, answers, (definition, input, choices) => {
      const machine = parse(definition);
      const whole = live(machine, input, choices, { stored: false, eventBudget: 1000 });
      const pieces = live(machine, input, choices, { stored: true, eventBudget: 1 });
      assert.deepEqual(pieces.events, whole.events);
      assert.deepEqual(pieces.effects, whole.effects);
      assert.deepEqual(pieces.ended, whole.ended);
      wellFormed(whole);
      for (const { type } of whole.events) kinds.set(type, (kinds.get(type) ?? 0) + 1);
      if (whole.ended !== undefined) ended += 1;
    }),
    { ...SEED, numRuns: 400 },
  );
  // The property must have had something to look at.
  assert.ok(ended > 350, `${ended} executions ended`);
  for (const type of EXPECTED) assert.ok((kinds.get(type) ?? 0) > 5, `${type}: ${kinds.get(type) ?? 0}`);
});

const EXPECTED = [
  "PassStateEntered",
  "ChoiceStateExited",
  "WaitStateExited",
  "TaskFailed",
  "TaskTimedOut",
  "LambdaFunctionSucceeded",
  "ActivityScheduled",
  "ParallelStateSucceeded",
  "ParallelStateFailed",
  "MapIterationSucceeded",
  "MapIterationFailed",
  "EvaluationFailed",
  "ExecutionSucceeded",
  "ExecutionFailed",
];

/** Ids have no gap, every event points back, tokens are told apart, and the end is the end. */
function wellFormed({ events, effects, ended }: Life): void {
  for (const [i, event] of events.entries()) {
    assert.equal(event.id, i + 1);
    assert.ok(event.previousEventId >= 0 && event.previousEventId < event.id);
  }
  const tokens = effects.flatMap((effect) => (effect.kind === "task" ? [effect.token] : []));
  assert.equal(new Set(tokens).size, tokens.length);
  if (ended !== undefined) assert.match(events.at(-1)?.type ?? "", /^Execution(Succeeded|Failed)$/);
}

test("replaying any prefix of what was told to an execution gives the run of that moment", () => {
  fc.assert(
    fc.property(definitions, inputs, answers, fc.nat(), (definition, input, choices, length) => {
      const machine = parse(definition);
      const { moments } = live(machine, input, choices, { stored: false, eventBudget: 1000 });
      // Compiled anew, as after a restart.
      const again = parse(definition);
      let run: Run | null = null;
      for (const { signal, now, ids, run: wanted } of moments.slice(0, 1 + (length % moments.length))) {
        const before: string = JSON.stringify(run);
        const transition: Transition = step(again, run, signal, factsAt(now, { n: ids }));
        assert.equal(JSON.stringify(run), before, "a step changed the run that it was given");
        run = transition.run;
        assert.equal(JSON.stringify(run), wanted);
      }
    }),
    { ...SEED, numRuns: 150 },
  );
});

test("no signal makes a step throw, and one that nobody waits for changes nothing", () => {
  const token = fc.constantFrom("id-1", "id-2", "id-3", "nobody's");
  const text = fc.json({ maxDepth: 2 });
  const signals: fc.Arbitrary<Signal> = fc.oneof(
    fc.record({ kind: fc.constant("continue" as const) }),
    fc.record({ kind: fc.constant("taskStarted" as const), token }),
    fc.record({ kind: fc.constant("taskSubmitted" as const), token, output: text }),
    fc.record({ kind: fc.constant("heartbeat" as const), token }),
    fc.record({ kind: fc.constant("taskSucceeded" as const), token, output: text }),
    fc.record({ kind: fc.constant("taskFailed" as const), token, error: fc.string(), cause: fc.string() }),
    fc.record({ kind: fc.constant("timer" as const), id: fc.constantFrom("wait:2", "timeout:3", "retry:5", "x") }),
    fc.record({ kind: fc.constant("mapRunSucceeded" as const), mapRunArn: fc.string(), output: text }),
    fc.record({ kind: fc.constant("stop" as const), error: fc.string() }),
  );
  let stale = 0;
  fc.assert(
    fc.property(
      definitions,
      inputs,
      answers,
      fc.array(signals, { maxLength: 6 }),
      (definition, input, choices, told) => {
        const machine = parse(definition);
        const { moments } = live(machine, input, choices, { stored: true, eventBudget: 1000 });
        for (const { run: text, now } of moments.slice(0, 3)) {
          let run = JSON.parse(text) as Run;
          for (const signal of told) {
            const before = JSON.stringify(run);
            const transition = step(machine, run, signal, factsAt(Math.max(now, NOW) + 5000, { n: 1000 }));
            if (transition.stale === true) {
              stale += 1;
              assert.deepEqual(transition.events, []);
              assert.equal(JSON.stringify(transition.run), before);
            }
            run = transition.run;
          }
        }
      },
    ),
    { ...SEED, numRuns: 150 },
  );
  assert.ok(stale > 100, `${stale} signals were stale`);
});
