/** Choice: operators, combinations, patterns, failures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compilePattern } from "../../../src/states/asl/choice.ts";
import { outputOf, Rehearsal } from "./support.ts";

function states(rule: object): Record<string, object> {
  return {
    C: { Type: "Choice", Choices: [{ ...rule, Next: "Yes" }], Default: "No" },
    Yes: { Type: "Pass", Result: true, End: true },
    No: { Type: "Pass", Result: false, End: true },
  };
}

const DATA = {
  n: 5,
  f: 5.0,
  s: "b",
  t: "2026-05-04T09:00:00Z",
  u: "2026-05-04T11:00:00+02:00",
  yes: true,
  nothing: null,
  list: [],
  other: 6,
};

const RULES: readonly (readonly [rule: object, taken: boolean])[] = [
  [{ Variable: "$.n", NumericEquals: 5 }, true],
  [{ Variable: "$.n", NumericEqualsPath: "$.f" }, true],
  [{ Variable: "$.n", NumericLessThanPath: "$.other" }, true],
  [{ Variable: "$.n", NumericGreaterThanEquals: 5 }, true],
  [{ Variable: "$.n", NumericGreaterThan: 5 }, false],
  [{ Variable: "$.s", NumericGreaterThan: 0 }, false],
  [{ Variable: "$.s", StringEquals: "b" }, true],
  [{ Variable: "$.s", StringLessThan: "c" }, true],
  [{ Variable: "$.s", StringGreaterThanEquals: "B" }, true],
  [{ Variable: "$.n", StringEquals: "5" }, false],
  [{ Variable: "$.yes", BooleanEquals: true }, true],
  [{ Variable: "$.s", BooleanEquals: true }, false],
  [{ Variable: "$.t", TimestampEqualsPath: "$.u" }, true],
  [{ Variable: "$.t", TimestampLessThan: "2026-05-04T09:00:00.001Z" }, true],
  [{ Variable: "$.s", TimestampLessThan: "2026-05-04T09:00:00Z" }, false],
  [{ Variable: "$.nothing", IsNull: true }, true],
  [{ Variable: "$.n", IsNull: false }, true],
  [{ Variable: "$.nothing", IsPresent: true }, true],
  [{ Variable: "$.missing", IsPresent: false }, true],
  [{ Variable: "$.missing.deep", IsPresent: true }, false],
  [{ Variable: "$unassigned", IsPresent: false }, true],
  [{ Variable: "$unassigned.deep", IsPresent: true }, false],
  [{ Variable: "$.list[*]", IsPresent: true }, false],
  [{ Variable: "$.n", NumericLessThan: 5.5 }, true],
  [{ Variable: "$.n", NumericLessThanEqualsPath: "$.f" }, true],
  [{ Variable: "$.n", NumericGreaterThanPath: "$.other" }, false],
  [{ Variable: "$.n", NumericGreaterThanEqualsPath: "$.f" }, true],
  [{ Variable: "$.n", NumericEqualsPath: "$.s" }, false],
  [{ Variable: "$.s", StringEqualsPath: "$.s" }, true],
  [{ Variable: "$.s", StringLessThanPath: "$.s" }, false],
  [{ Variable: "$.s", StringLessThanEquals: "b" }, true],
  [{ Variable: "$.s", StringLessThanEqualsPath: "$.s" }, true],
  [{ Variable: "$.s", StringGreaterThan: "a" }, true],
  [{ Variable: "$.s", StringGreaterThanPath: "$.n" }, false],
  [{ Variable: "$.s", StringGreaterThanEqualsPath: "$.s" }, true],
  [{ Variable: "$.yes", BooleanEqualsPath: "$.yes" }, true],
  [{ Variable: "$.yes", BooleanEqualsPath: "$.n" }, false],
  [{ Variable: "$.t", TimestampEquals: "2026-05-04T10:00:00+01:00" }, true],
  [{ Variable: "$.t", TimestampLessThanPath: "$.u" }, false],
  [{ Variable: "$.t", TimestampGreaterThan: "2026-05-04T08:59:59Z" }, true],
  [{ Variable: "$.t", TimestampGreaterThanPath: "$.u" }, false],
  [{ Variable: "$.t", TimestampLessThanEquals: "2026-05-04T09:00:00Z" }, true],
  [{ Variable: "$.t", TimestampLessThanEqualsPath: "$.u" }, true],
  [{ Variable: "$.t", TimestampGreaterThanEquals: "2026-05-04T09:00:01Z" }, false],
  [{ Variable: "$.t", TimestampGreaterThanEqualsPath: "$.u" }, true],
  [{ Variable: "$.n", IsTimestamp: false }, true],
  [{ Variable: "$.s", IsNumeric: false }, true],
  [{ Variable: "$.n", IsBoolean: true }, false],
  [{ Variable: "$.nothing", IsString: false }, true],
  [
    {
      Not: {
        And: [
          { Variable: "$.n", IsString: true },
          { Variable: "$.gone", IsNull: true },
        ],
      },
    },
    true,
  ],
  [{ Variable: "$.n", IsNumeric: true }, true],
  [{ Variable: "$.list", IsString: true }, false],
  [{ Variable: "$.t", IsTimestamp: true }, true],
  [{ Variable: "$.s", IsTimestamp: true }, false],
  [{ Variable: "$.yes", IsBoolean: true }, true],
  [{ Variable: "$.s", StringMatches: "*" }, true],
  [{ Variable: "$.n", StringMatches: "*" }, false],
  [{ Variable: "$$.Execution.Name", StringEquals: "run" }, true],
  [
    {
      And: [
        { Variable: "$.n", IsNumeric: true },
        {
          Or: [
            { Variable: "$.n", NumericEquals: 1 },
            { Variable: "$.s", StringEquals: "b" },
          ],
        },
      ],
    },
    true,
  ],
  [{ Not: { Variable: "$.n", NumericEquals: 5 } }, false],
];

void test("rules decide as AWS decides", () => {
  for (const [rule, taken] of RULES) assert.equal(outputOf(states(rule), DATA), taken, JSON.stringify(rule));
});

void test("a missing Variable fails, even with a Default", () => {
  const { ended } = new Rehearsal(states({ Variable: "$.missing", NumericEquals: 1 }), {});
  assert.equal(ended?.error, "States.Runtime");
  assert.match(
    ended?.cause ?? "",
    /Invalid path '\$\.missing': The choice state's condition path references an invalid value\.$/,
  );
});

void test("without a match and a Default the state points nowhere", () => {
  const { ended } = new Rehearsal({
    C: { Type: "Choice", Choices: [{ Variable: "$.x", IsPresent: true, Next: "E" }] },
    E: { Type: "Succeed" },
  });
  assert.match(
    ended?.cause ?? "",
    /Failed to transition out of the state\. The state does not point to a next state\.$/,
  );
});

void test("a rule's Assign applies only if the rule is taken", () => {
  const both = {
    C: {
      Type: "Choice",
      Choices: [{ Variable: "$.n", NumericEquals: 1, Assign: { which: "rule" }, Next: "E" }],
      Assign: { which: "default" },
      Default: "E",
    },
    E: { Type: "Pass", Parameters: { "x.$": "$which" }, End: true },
  };
  assert.deepEqual(outputOf(both, { n: 1 }), { x: "rule" });
  assert.deepEqual(outputOf(both, { n: 2 }), { x: "default" });
});

void test("StringMatches agrees with the regular expression that it means", () => {
  const piece = fc.constantFrom("a", "b", "*", "\\*", "\\\\", ".");
  const letter = fc.constantFrom("a", "b", "*", "\\", ".");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(letter, { maxLength: 10 }), (pieces, letters) => {
      const source = pieces
        .map((part) => (part === "*" ? "[^]*" : `\\${part.at(-1)}`.replace(/\\([ab])/, "$1")))
        .join("");
      const text = letters.join("");
      assert.equal(compilePattern(pieces.join(""))(text), new RegExp(`^${source}$`).test(text));
    }),
    { seed: 11, numRuns: 2000 },
  );
});
