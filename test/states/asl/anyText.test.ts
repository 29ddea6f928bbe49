/** Random text: what is no machine is refused in words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compile } from "../../../src/states/asl/machine.ts";

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
