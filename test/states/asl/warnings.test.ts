/** What speaks against a definition beyond its fields, and what only looks wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, validate } from "../../../src/asl.ts";

const machine = (state: object): string =>
  JSON.stringify({ StartAt: "S", States: { S: state, T: { Type: "Succeed" } } });
const found = (definition: string) =>
  validate(definition).map(({ severity, code, location }) => [severity, code, location].filter(Boolean).join(" "));
const warned = (state: object) => {
  const definition = machine({ Next: "T", ...state });
  parse(definition);
  return found(definition);
};

test("a template's value that is evaluated nowhere is warned of", () => {
  const Parameters = {
    a: "$.x",
    "b.$": "$.y",
    c: [{ d: "States.UUID()" }],
    e: "costs $.50",
    f: "$5",
    g: "$$.Task.Token",
  };
  assert.deepEqual(warned({ Type: "Pass", Parameters, Assign: { v: "$[0]" } }), [
    "WARNING NO_DOLLAR /States/S/Parameters/a",
    "WARNING NO_DOLLAR /States/S/Parameters/c[0]/d",
    "WARNING NO_DOLLAR /States/S/Parameters/g",
    "WARNING NO_DOLLAR /States/S/Assign/v",
  ]);
  assert.deepEqual(
    warned({ Type: "Pass", QueryLanguage: "JSONata", Output: { a: "$.x" } }),
    [],
    "JSONata has no paths to forget",
  );
});

test("a path under a name that does not end with Path is warned of", () => {
  const Choices = [
    { Variable: "$.a", StringEquals: "$.b", Next: "T" },
    { Not: { Variable: "$.a", StringEqualsPath: "$.b" }, Next: "T" },
    { And: [{ Variable: "$.a", StringLessThan: "$.b" }], Next: "T" },
  ];
  const choice = machine({ Type: "Choice", Choices });
  assert.deepEqual(found(choice), [
    "WARNING NO_PATH /States/S/Choices[0]/StringEquals",
    "WARNING NO_PATH /States/S/Choices[2]/And[0]/StringLessThan",
  ]);
  const fail = JSON.stringify({ StartAt: "S", States: { S: { Type: "Fail", Error: "$.error", CausePath: "$.c" } } });
  assert.deepEqual(found(fail), ["WARNING NO_PATH /States/S/Error"]);
});

test("a Pass state's Result with a path is warned of", () => {
  assert.deepEqual(warned({ Type: "Pass", Result: { "a.$": "$.x", b: ["$.y", "text"] } }), [
    "WARNING PASS_RESULT_IS_STATIC /States/S/Result/a.$",
    "WARNING PASS_RESULT_IS_STATIC /States/S/Result/b[0]",
  ]);
});

test("warnings follow the errors", () => {
  const definition = machine({ Type: "Pass", Result: "$.a", Next: "Nowhere" });
  const severities = validate(definition).map(({ severity }) => severity);
  assert.deepEqual(severities, severities.toSorted());
  assert.ok(severities.includes("ERROR") && severities.includes("WARNING"));
});

test("a state that the text has twice is refused, although the last one would be kept", () => {
  const pass = '{"Type":"Pass","End":true}';
  const inner = `{"Type":"Parallel","End":true,"Branches":[{"StartAt":"B","States":{"B":${pass}}},{"StartAt":"C","States":{"C":${pass},"C":${pass}}}]}`;
  assert.deepEqual(found(`{"StartAt":"A","States":{"A":${pass}, "A" :${pass}}}`), [
    "ERROR DUPLICATE_STATE_NAME /States/A",
  ]);
  assert.deepEqual(found(`{"StartAt":"A","States":{"A":${inner}}}`), [
    "ERROR DUPLICATE_STATE_NAME /States/A/Branches[1]/States/C",
  ]);
  const escaped = `{"StartAt":"A\\"{","States":{"A\\"{":{"Type":"Pass","Result":{"States":{"x":"a: {"}},"End":true}}}`;
  assert.deepEqual(found(escaped), []);
});

test("nothing at all, and far too much", () => {
  assert.deepEqual(found("null"), ["ERROR MISSING_DESCRIPTION"]);
  let nested = '{"Type":"Pass","End":true}';
  for (let i = 0; i < 3000; i += 1)
    nested = `{"Type":"Parallel","End":true,"Branches":[{"StartAt":"s${i}","States":{"s${i}":${nested}}}]}`;
  assert.deepEqual(found(`{"StartAt":"S","States":{"S":${nested}}}`), ["ERROR TOO_DEEPLY_NESTED"]);
  const deep = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
  assert.deepEqual(found(`{"StartAt":"S","States":{"S":{"Type":"Pass","Parameters":${deep},"End":true}}}`), [
    "ERROR TOO_DEEPLY_NESTED",
  ]);
  assert.deepEqual(found(`${"[".repeat(100_000)}${"]".repeat(100_000)}`), ["ERROR TOO_DEEPLY_NESTED"]);
});
