/** What is refused of JSONata when a machine is made, and what no accepted expression does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compile, validate } from "../../../src/states/asl/machine.ts";
import { step } from "../../../src/states/asl/step.ts";
import { NOW, startSignal } from "./support.ts";

const JSONATA = { QueryLanguage: "JSONata" };
const TASK = { Type: "Task", Resource: "arn:aws:states:::aws-sdk:s3:getObject", End: true };
const INPUT = { a: 1, list: [3, 1, 2], items: [{ id: 1 }, { id: 2 }], text: "x", none: null, empty: [] };

const pass = { Type: "Pass", End: true };
const REFUSED: readonly (readonly [state: object, starts: string])[] = [
  [
    { ...pass, Output: { v: "{% phone %}" } },
    "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. at /States/S/Output/v",
  ],
  [
    { ...pass, Output: "{% $sum(a.b) %}" },
    "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'a' at the top level is not supported.",
  ],
  [
    { ...pass, Output: "{% $.a %}" },
    "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$' at the top level is not supported.",
  ],
  [
    { ...pass, Output: "{% $$.a %}" },
    "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' at the top level is not supported.",
  ],
  [
    { ...pass, Output: "{% $states.result %}" },
    "UNSUPPORTED_JSONATA_EXPRESSION: '$states.result' cannot be read here.",
  ],
  [{ ...TASK, Arguments: "{% $states.result %}" }, "UNSUPPORTED_JSONATA_EXPRESSION: '$states.result'"],
  [{ ...pass, Assign: { a: "{% $states.errorOutput %}" } }, "UNSUPPORTED_JSONATA_EXPRESSION: '$states.errorOutput'"],
  [{ ...pass, Output: "{% 1 + %}" }, "INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/S/Output"],
  [{ ...pass, Output: ["{% $a[1,2) %}"] }, `INVALID_JSONATA_EXPRESSION: Expected "]", got "," at /States/S/Output[0]`],
  [
    { ...pass, Output: { a: ["{% 1"] } },
    "SCHEMA_VALIDATION_FAILED: JSONata string must start with {% and end with %} at /States/S/Output/a[0]",
  ],
  [{ ...pass, Output: "{% 1 ?? 2 %}" }, "INVALID_JSONATA_EXPRESSION: "],
  [{ ...pass, Output: "{% 1 ?: 2 %}" }, "INVALID_JSONATA_EXPRESSION: "],
  [
    { ...pass, InputPath: "$" },
    "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage at /States/S",
  ],
  [{ ...pass, QueryLanguage: "JSONPath", Output: 1 }, "SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be"],
  [{ ...pass, Assign: { states: 1 } }, "RESERVED_VARIABLE_NAME: Cannot assign to reserved variable '$states'."],
  [
    { Type: "Wait", Timestamp: "2016-03-14", End: true },
    "SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at /States/S/Timestamp",
  ],
  [
    { ...TASK, Credentials: {} },
    "SCHEMA_VALIDATION_FAILED: The field 'RoleArn' is required but was missing at /States/S/Credentials",
  ],
];

for (const [state, starts] of REFUSED)
  test(`refused: ${starts.slice(0, 110)} ${JSON.stringify(state).slice(14, 70)}`, () => {
    const definition = JSON.stringify({ ...JSONATA, StartAt: "S", States: { S: state } });
    const [found] = validate(definition, "STANDARD");
    const said = `${found?.code}: ${found?.message} at ${found?.location}`;
    assert.ok(said.startsWith(starts), said);
  });

test("a JSONata field in a JSONPath state is refused by its language", () => {
  const [found] = validate(JSON.stringify({ StartAt: "S", States: { S: { ...pass, Output: 1 } } }), "STANDARD");
  assert.equal(
    found?.message,
    "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage",
  );
});

test("names within predicates, functions over items and groupings are no top-level references", () => {
  const fine = [
    "$states.input.items[id = 1].id",
    "$states.input.items.(id + 1)",
    "$states.input.items^(id).{'x': id}",
    "$states.input.items{$string(id): $}",
    "$map($states.input.items, function($v, $i) { $v.id })",
    "$states.input.items.$string(id)",
    "$states.input.*",
    "$states.input.items[$.id = 1]",
    "($f := $sum; $f([1]))",
  ];
  for (const expression of fine) {
    const definition = { ...JSONATA, StartAt: "S", States: { S: { ...pass, Output: `{% ${expression} %}` } } };
    assert.deepEqual(validate(JSON.stringify(definition), "STANDARD"), [], expression);
  }
});

test("the variables that a state reads are listed without functions and names of its own", () => {
  const output = {
    a: "{% $x + $sum($y.z) %}",
    b: "{% ($own := $states.input; $own.a) %}",
    c: "{% function($p) { $p }($x) %}",
  };
  const machine = compile(
    JSON.stringify({ ...JSONATA, StartAt: "S", States: { S: { ...pass, Output: output } } }),
    "STANDARD",
  );
  assert.deepEqual(machine.variableReferences, { S: ["x", "y"] });
});

/** Expressions grown from pieces, most of them senseless. */
const expressions = fc.letrec<{ expression: string }>((tie) => {
  const some = tie("expression");
  const atoms = [
    "1",
    "-0",
    "'a'",
    "null",
    "true",
    "$states.input",
    "$states.input.list",
    "$states.context",
    "$v",
    "$sum",
    "[1..9]",
    "/a+/",
    "{}",
    "[]",
    "function($x){$x}",
    "$states.input.items[id=1]",
    "$states.input.*",
    "$states.input.**",
    "$hasOwnProperty",
    "$__proto__",
    "1/0",
    "'\\uD800'",
  ];
  return {
    expression: fc.oneof(
      { maxDepth: 4, depthIdentifier: "e" },
      fc.constantFrom(...atoms),
      fc
        .tuple(some, fc.constantFrom("+", "&", "=", "<", "in", "and", "..", "~>", ".", "/", ":="), some)
        .map((p) => `(${p.join(" ")})`),
      fc
        .tuple(
          fc.constantFrom(
            "$string",
            "$count",
            "$keys",
            "$merge",
            "$sort",
            "$distinct",
            "$parse",
            "$range",
            "$pad",
            "$zip",
            "$each",
            "$map",
            "$hash",
            "$partition",
            "$toMillis",
            "$formatNumber",
            "$fromMillis",
            "$split",
            "$replace",
            "$sift",
            "$spread",
            "$clone",
            "$eval",
            "$random",
            "$shuffle",
          ),
          fc.array(some, { maxLength: 3 }),
        )
        .map(([name, inputs]) => `${name}(${inputs.join(", ")})`),
      fc.tuple(some, some).map(([key, member]) => `{$string(${key}): ${member}}`),
      fc.tuple(some, some).map(([list, filter]) => `${list}[${filter}]`),
      fc.tuple(some, some).map(([a, b]) => `(${a} ? ${b})`),
      fc.tuple(some, some).map(([a, b]) => `(${a} ~> |$|{'k': ${b}}|)`),
    ),
  };
}).expression;

test("an expression that the validator accepted never makes a step throw", () => {
  let accepted = 0;
  fc.assert(
    fc.property(expressions, fc.jsonValue({ maxDepth: 2 }), (expression, extra) => {
      const definition = JSON.stringify({
        ...JSONATA,
        StartAt: "S",
        States: { S: { ...pass, Assign: { v: 1 }, Output: `{% ${expression} %}` } },
      });
      if (validate(definition, "STANDARD").length > 0) return;
      accepted += 1;
      const machine = compile(definition, "STANDARD");
      const facts = { now: NOW, random: () => 0.5, uuid: () => "u" };
      const { ended } = step(machine, null, startSignal(JSON.stringify({ ...INPUT, extra })), facts);
      assert.ok(
        ended?.status === "SUCCEEDED" ||
          ended?.error === "States.QueryEvaluationError" ||
          ended?.error === "States.DataLimitExceeded",
        JSON.stringify(ended),
      );
      if (ended.output !== undefined) JSON.parse(ended.output);
    }),
    { numRuns: 400, seed: 20260504 },
  );
  assert.ok(accepted > 200, `${accepted}`);
});
