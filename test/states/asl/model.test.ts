/** Random machines, random answers: the history stays well formed, and a stored run goes on exactly like a living one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compile } from "../../../src/states/asl/machine.ts";
import { step } from "../../../src/states/asl/step.ts";
import type { Effect, Facts, HistoryEvent, Run, Signal } from "../../../src/states/asl/types.ts";
import { NOW, startSignal } from "./support.ts";

type States = Record<string, object>;
/** How deep Parallel and Map may nest. */
const DEPTH = 2;
const path = fc.constantFrom(
  "$",
  "$.a",
  "$.missing",
  "$.list",
  "$.list[0]",
  "$.list[*]",
  "$$.State.Name",
  "$x",
  "States.UUID()",
);
const guards = fc.record(
  {
    Retry: fc.constant([{ ErrorEquals: ["A", "States.Timeout"], MaxAttempts: 2 }]),
    Catch: fc.constant([{ ErrorEquals: ["States.ALL"], ResultPath: "$.caught", Next: "Done" }]),
  },
  { requiredKeys: [] },
);

/** A state without Next; `depth` bounds the nesting. */
function stateOf(depth: number): fc.Arbitrary<object> {
  const simple: fc.Arbitrary<object>[] = [
    fc.record({
      Type: fc.constant("Pass"),
      Parameters: fc.record({ "v.$": path, list: fc.constant([1, { a: 2 }]) }),
      ResultPath: fc.constantFrom("$", "$.r", "$.list"),
    }),
    // An inner sequence may not assign what an outer one assigns.
    fc.record({ Type: fc.constant("Pass"), Assign: fc.record({ [`x${depth === DEPTH ? "" : depth}.$`]: path }) }),
    fc.record({ Type: fc.constant("Wait"), Seconds: fc.nat(3) }),
    fc
      .tuple(
        guards,
        fc.record({
          Type: fc.constant("Task"),
          Resource: fc.constant("arn:aws:states:::aws-sdk:s3:x"),
          ResultPath: fc.constantFrom("$.t", null),
        }),
        fc.record({ TimeoutSeconds: fc.constant(9), HeartbeatSeconds: fc.constant(4) }, { requiredKeys: [] }),
      )
      .map(([guarded, task, limits]) => ({ ...task, ...limits, ...guarded, TimeoutSeconds: 9 })),
    fc.record({ Type: fc.constant("Fail"), Error: fc.constantFrom("A", "B") }),
  ];
  if (depth === 0) return fc.oneof(...simple);
  const sequence = sequenceOf(depth - 1);
  return fc.oneof(
    ...simple,
    fc
      .tuple(guards, fc.array(sequence, { minLength: 1, maxLength: 3 }))
      .map(([guarded, Branches]) => ({ Type: "Parallel", Branches, ...guarded })),
    fc.tuple(guards, sequence, fc.nat(3)).map(([guarded, ItemProcessor, MaxConcurrency]) => ({
      Type: "Map",
      ItemsPath: "$.list",
      MaxConcurrency,
      ItemProcessor,
      ResultPath: "$.m",
      ...guarded,
    })),
  );
}

type Sequence = { StartAt: string; States: States };

function sequenceOf(depth: number): fc.Arbitrary<Sequence> {
  return fc.array(stateOf(depth), { minLength: 1, maxLength: 4 }).map((states) => {
    const chain: States = {};
    for (const [i, state] of states.entries()) {
      const flows = Reflect.get(state, "Type") !== "Fail";
      chain[`S${i}`] = flows ? { ...state, Next: i + 1 < states.length ? `S${i + 1}` : "Done" } : state;
      // What follows a Fail state cannot be reached.
      if (!flows) break;
    }
    const text = JSON.stringify(chain);
    return { StartAt: "S0", States: text.includes('"Next":"Done"') ? { ...chain, Done: { Type: "Succeed" } } : chain };
  });
}

/** Names must be unique in the whole machine: each sequence gets a prefix of its own. */
function renamed(sequence: Sequence, counter = { n: 0 }): Sequence {
  const prefix = `q${(counter.n += 1)}`;
  const fixed = (state: object): object => {
    const out: Record<string, unknown> = { ...state };
    if (typeof out["Next"] === "string") out["Next"] = prefix + out["Next"];
    if (Array.isArray(out["Catch"]))
      out["Catch"] = out["Catch"].map((catcher: { Next: string }) => ({ ...catcher, Next: prefix + catcher.Next }));
    if (Array.isArray(out["Branches"]))
      out["Branches"] = out["Branches"].map((branch: Sequence) => renamed(branch, counter));
    if (out["ItemProcessor"] !== undefined) out["ItemProcessor"] = renamed(out["ItemProcessor"] as Sequence, counter);
    return out;
  };
  const States = Object.fromEntries(
    Object.entries(sequence.States).map(([name, state]) => [prefix + name, fixed(state)]),
  );
  const reachesDone = JSON.stringify(Object.values(States)).includes(`"${prefix}Done"`);
  if (!reachesDone) delete States[`${prefix}Done`];
  return { StartAt: prefix + sequence.StartAt, States };
}

type Lived = {
  readonly events: HistoryEvent[];
  readonly status: string;
  readonly output: string | undefined;
  readonly effects: Effect[];
};

/** Lives through an execution, choosing what happens next by `choices`; with `store`, every snapshot goes through text. */
function live(definition: string, choices: readonly number[], store: boolean, eventBudget: number): Lived {
  const machine = compile(definition, "STANDARD");
  let now = NOW;
  let ids = 0;
  const facts = (): Facts => ({ now, random: () => 0.5, uuid: () => `id-${(ids += 1)}`, eventBudget });
  let transition = step(machine, null, startSignal('{"a":1.0,"list":[1,2,3]}'), facts());
  const lived: Lived = { events: [], effects: [], status: "", output: undefined };
  const waiting = new Map<string, Effect>();
  for (let turn = 0; turn < 400; turn += 1) {
    lived.events.push(...transition.events);
    lived.effects.push(...transition.effects);
    for (const effect of transition.effects) {
      if (effect.kind === "cancelTimer") waiting.delete(effect.id);
      else if (effect.kind === "cancelTask") waiting.delete(effect.token);
      else if (effect.kind === "task") waiting.set(effect.token, effect);
      else if (effect.kind === "timer") waiting.set(effect.id, effect);
    }
    const { run, ended } = transition;
    if (ended !== undefined) return { ...lived, status: ended.status, output: ended.output };
    const signal =
      transition.more === true
        ? ({ kind: "continue" } as const)
        : chosen([...waiting.values()], choices[turn % choices.length] ?? 0);
    if (signal === undefined) throw new Error("the execution waits for nothing");
    if (signal.kind === "timer") {
      const timer = waiting.get(signal.id);
      if (timer?.kind === "timer") now = Math.max(now, timer.at);
      waiting.delete(signal.id);
    } else if ("token" in signal && signal.kind !== "heartbeat") waiting.delete(signal.token);
    const before = JSON.stringify(run);
    transition = step(machine, store ? (JSON.parse(before) as Run) : run, signal, facts());
    assert.equal(JSON.stringify(run), before, "a step changed the run that it was given");
  }
  return { ...lived, status: "ENDLESS" };
}

function chosen(waiting: readonly Effect[], choice: number): Signal | undefined {
  const effect = waiting[choice % Math.max(1, waiting.length)];
  if (effect?.kind === "timer") return { kind: "timer", id: effect.id };
  if (effect?.kind !== "task") return undefined;
  const { token } = effect;
  const answer = choice % 5;
  if (answer === 0) return { kind: "taskFailed", token, error: "A" };
  if (answer === 1) return { kind: "taskFailed", token };
  return { kind: "taskSucceeded", token, output: '{"ok":[1.0]}' };
}

void test("whatever happens, ids have no gap, every event points back, and a snapshot is the whole truth", () => {
  let tasks = 0;
  let ended = 0;
  fc.assert(
    fc.property(
      sequenceOf(DEPTH),
      fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 }),
      fc.constantFrom(1, 7, 1000),
      (sequence, choices, budget) => {
        const definition = JSON.stringify(renamed(sequence));
        const stored = live(definition, choices, true, budget);
        assert.deepEqual(live(definition, choices, false, budget), stored);
        for (const [i, event] of stored.events.entries()) {
          assert.equal(event.id, i + 1);
          assert.ok(event.previousEventId < event.id && event.previousEventId >= 0);
        }
        const tokens = stored.effects.flatMap((effect) => (effect.kind === "task" ? [effect.token] : []));
        assert.equal(new Set(tokens).size, tokens.length);
        tasks += tokens.length;
        if (stored.status !== "ENDLESS") ended += 1;
        if (stored.status !== "ENDLESS")
          assert.match(stored.events.at(-1)?.type ?? "", /^Execution(Succeeded|Failed)$/);
      },
    ),
    { seed: 20260504, numRuns: 400 },
  );
  // The property must have had something to look at.
  assert.ok(tasks > 300 && ended > 350, `${tasks} tasks, ${ended} ended`);
});

void test("any text is either compiled or refused with a diagnostic", () => {
  const word = fc.constantFrom(
    "Type",
    "Pass",
    "States",
    "StartAt",
    "Next",
    "End",
    "Choices",
    "Retry",
    "Catch",
    "Map",
    "Parallel",
    "Branches",
    "ItemProcessor",
    "$.a",
    "Variable",
    "And",
    "Not",
    "__proto__",
    "constructor",
    "Task",
  );
  const value = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 5 },
      word,
      fc.boolean(),
      fc.integer(),
      fc.constant(null),
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(word, tie("json"), { maxKeys: 4 }),
    ),
  })).json;
  const state = fc.record({
    Type: fc.constantFrom("Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"),
  });
  const definition = fc
    .tuple(
      state,
      fc.dictionary(
        fc.constantFrom(
          "Next",
          "End",
          "Choices",
          "Retry",
          "Catch",
          "Branches",
          "ItemProcessor",
          "Iterator",
          "Parameters",
          "Assign",
          "Credentials",
          "Seconds",
          "Timestamp",
          "Resource",
          "InputPath",
          "ItemsPath",
          "ErrorPath",
        ),
        value,
      ),
    )
    .map(([type, fields]) => ({ StartAt: "S", States: { S: { ...fields, ...type } } }));
  fc.assert(
    fc.property(fc.oneof(value, definition), (given) => {
      try {
        compile(JSON.stringify(given), "STANDARD");
      } catch (error) {
        assert.equal(
          error instanceof Error && error.name,
          "InvalidDefinition",
          String(error instanceof Error ? error.stack : error),
        );
      }
    }),
    { seed: 7, numRuns: 3000 },
  );
});
