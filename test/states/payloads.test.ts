import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HistoryEvent } from "../../src/flow.ts";
import { packEvents, unpackEvents } from "../../src/states/payloads.ts";

const LONG = JSON.stringify({ long: "x".repeat(200) });
const payload = fc.constantFrom(LONG, "{}", '{"a":1}', '"ü"', JSON.stringify({ other: "y".repeat(150) }));
const truncated = fc.boolean().map((is) => (is ? { truncated: true } : { truncated: false }));
const entered = fc.record(
  { name: fc.constantFrom("A", "B ä"), input: payload, inputDetails: truncated },
  { requiredKeys: ["name"], noNullPrototype: true },
);
const exited = fc.record(
  { name: fc.constantFrom("A", "B ä"), output: payload, outputDetails: truncated, assignedVariables: fc.constant({}) },
  { requiredKeys: ["name", "output"], noNullPrototype: true },
);
const body = fc.oneof(
  {
    weight: 4,
    arbitrary: entered.map((details) => ["PassStateEntered", "stateEnteredEventDetails", details] as const),
  },
  { weight: 4, arbitrary: exited.map((details) => ["ChoiceStateExited", "stateExitedEventDetails", details] as const) },
  payload.map((output) => ["TaskSucceeded", "taskSucceededEventDetails", { output, resource: "r" }] as const),
  fc.constant(["WaitStateAborted", undefined, {}] as const),
);
/** Ids without a gap; mostly each follows the one before it at the same time. */
const history = fc
  .tuple(
    fc.integer({ min: 1, max: 24_000 }),
    fc.array(fc.tuple(body, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 9 })), { maxLength: 30 }),
  )
  .map(([first, bodies]) =>
    bodies.map(([[type, member, details], back, late], index): HistoryEvent => {
      const id = first + index;
      const previousEventId = Math.max(0, back === 3 ? id - 2 : id - 1);
      return { id, previousEventId, timestamp: late === 9 ? 2 : 1, type, ...(member && { [member]: details }) };
    }),
  );

test("events come back as they were stored, all of them or a part", () => {
  const property = fc.property(history, fc.constantFrom(LONG, "{}"), fc.nat(30), (events, input, part) => {
    const text = packEvents(events, input);
    assert.deepEqual(unpackEvents(text, input, 0, 25_000), events);
    const low = (events[0]?.id ?? 0) + part;
    assert.deepEqual(
      unpackEvents(text, input, low, low + 5),
      events.filter(({ id }) => id >= low && id <= low + 5),
    );
  });
  fc.assert(property, { seed: 4, numRuns: 500 });
});

test("a payload that passes through states is stored once", () => {
  const state = (name: string, id: number): HistoryEvent[] => {
    const at = (event: number) => ({ id: event, previousEventId: event - 1, timestamp: 1 });
    const flags = { truncated: false };
    const entering = { name, input: LONG, inputDetails: flags };
    const leaving = { name, output: LONG, outputDetails: flags };
    return [
      { ...at(id), type: "PassStateEntered", stateEnteredEventDetails: entering },
      { ...at(id + 1), type: "PassStateExited", stateExitedEventDetails: leaving },
    ];
  };
  const text = packEvents([...state("A", 2), ...state("B", 4)], "{}");
  assert.equal(text.split("xxx".repeat(66)).length - 1, 1);
  assert.ok(text.length < 500, text);
});

test("what was stored whole is still read", () => {
  const event = { id: 3, previousEventId: 2, timestamp: 1, type: "PassStateEntered" };
  const stored = { ...event, stateEnteredEventDetails: { name: "A", input: { sameAs: "input" } } };
  const read = { ...event, stateEnteredEventDetails: { name: "A", input: LONG } };
  assert.deepEqual(unpackEvents(JSON.stringify([stored]), LONG, 1, 9), [read]);
});
