/** ValidateStateMachineDefinition by the public door, beside what CreateStateMachine says of the same definitions. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateStateMachineCommand, ValidateStateMachineDefinitionCommand } from "@aws-sdk/client-sfn";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { roleFor } from "./fixture.ts";

describe("definitions", () => {
  let stepwell: Stepwell;
  let roleArn: string;
  before(async () => {
    stepwell = await startStepwell();
    roleArn = await roleFor(stepwell, "validation-role", []);
  });
  after(() => stepwell.close());
  const validated = (definition: string, more: object = {}) =>
    stepwell.as.states.send(new ValidateStateMachineDefinitionCommand({ definition, ...more }));
  const machine = (States: object): string => JSON.stringify({ StartAt: Object.keys(States)[0], States });
  const DOUBTFUL = machine({ A: { Type: "Pass", Parameters: { x: "$.a", y: "$.b" }, End: true } });

  test("warnings are told to whoever asks for them, and refuse nothing", async () => {
    const errors = await validated(DOUBTFUL);
    assert.deepEqual([errors.result, errors.diagnostics, errors.truncated], ["OK", [], false]);
    const all = await validated(DOUBTFUL, { severity: "WARNING" });
    assert.equal(all.result, "OK");
    assert.deepEqual(
      all.diagnostics?.map(({ severity, code, location }) => [severity, code, location]),
      [
        ["WARNING", "NO_DOLLAR", "/States/A/Parameters/x"],
        ["WARNING", "NO_DOLLAR", "/States/A/Parameters/y"],
      ],
    );
    await stepwell.as.states.send(new CreateStateMachineCommand({ name: "doubtful", definition: DOUBTFUL, roleArn }));
  });

  test("more findings than asked for are cut off", async () => {
    const cut = await validated(DOUBTFUL, { severity: "WARNING", maxResults: 1 });
    assert.deepEqual([cut.diagnostics?.length, cut.truncated], [1, true]);
    const whole = await validated(DOUBTFUL, { severity: "WARNING", maxResults: 0 });
    assert.deepEqual([whole.diagnostics?.length, whole.truncated], [2, false]);
    await assert.rejects(validated(DOUBTFUL, { maxResults: 101 }), { name: "ValidationException" });
  });

  test("what is found is what Create refuses", async () => {
    for (const definition of [
      '{"StartAt":"A",}',
      "{'StartAt':'A'}",
      '{"StartAt":"A" "States":{}}',
      '{"StartAt":"A","States":{"A":{"Type":"Succeed"}}',
      "null",
      "[]",
      "{}",
      machine({ A: { Type: "Pass", Next: "B" } }),
      machine({ A: { Type: "Pass" }, B: { Type: "Sleep", End: true } }),
      machine({ A: { Type: "Task", Resource: "no arn", End: true } }),
      machine({ A: { Type: "Task", Resource: "arn:aws:states:::nothing:atAll", End: true } }),
      machine({ A: { Type: "Pass", Parameters: { "a.$": "literal", b: "$.x" }, End: true } }),
      machine({ A: { Type: "Pass", QueryLanguage: "JSONata", Output: "{% $foo( %}", End: true } }),
    ]) {
      const { result, diagnostics = [] } = await validated(definition);
      assert.equal(result, "FAIL", definition);
      const told = diagnostics.map(({ code, message, location }) =>
        code === "INVALID_JSON_DESCRIPTION" ? `${code}: ${message}` : `${code}: ${message} at ${location ?? "null"}`,
      );
      await assert.rejects(
        stepwell.as.states.send(new CreateStateMachineCommand({ name: "refused", definition, roleArn })),
        { name: "InvalidDefinition", message: `Invalid State Machine Definition: '${told.join(", ")}'` },
      );
    }
  });
});
