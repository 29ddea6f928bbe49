/** What CreateStateMachine refuses, and in which words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile, InvalidDefinition, validate } from "../../../src/states/asl/machine.ts";
import type { MachineType } from "../../../src/states/asl/types.ts";

const pass = { Type: "Pass", End: true };
const task = { Type: "Task", Resource: "arn:aws:states:::aws-sdk:s3:listBuckets", End: true };
const one = (state: object): object => ({ StartAt: "S", States: { S: state } });

function first(definition: unknown, type: MachineType = "STANDARD"): string {
  const text = typeof definition === "string" ? definition : JSON.stringify(definition);
  const [found] = validate(text, type);
  return found === undefined ? "" : `${found.code}: ${found.message} at ${found.location}`;
}

const SCHEMA = "SCHEMA_VALIDATION_FAILED";
const REFUSED: readonly (readonly [definition: unknown, starts: string])[] = [
  [{ States: { S: pass } }, `${SCHEMA}: The field 'StartAt' is required but was missing at /`],
  [{ StartAt: "S" }, `${SCHEMA}: The field 'States' is required but was missing at /`],
  [{ ...one(pass), Foo: 1 }, `${SCHEMA}: The field 'Foo' is not supported by Step Functions at /`],
  [{ ...one(pass), TimeoutSeconds: 0 }, `${SCHEMA}: The value for the field 'TimeoutSeconds' must be`],
  [one({ End: true }), `${SCHEMA}: The field 'Type' is required but was missing at /States/S`],
  [one({ Type: "toString", End: true }), `${SCHEMA}: The value for the field 'Type' must be one of`],
  [one({ Type: "Pass" }), `${SCHEMA}: One of the fields 'Next' or 'End' is required`],
  [one({ ...pass, Next: "S" }), `${SCHEMA}: The fields 'Next' and 'End' are mutually exclusive`],
  [one({ ...pass, Retry: [] }), `${SCHEMA}: The field 'Retry' is not supported by Step Functions at /States/S`],
  [one({ ...pass, TimeoutSeconds: 5 }), `${SCHEMA}: The field 'TimeoutSeconds' is not supported`],
  [
    one({ ...pass, InputPath: "x" }),
    `${SCHEMA}: The value for the field 'InputPath' must be a valid JSONPath at /States/S/InputPath`,
  ],
  [
    one({ ...pass, ResultPath: "$.a[*]" }),
    `${SCHEMA}: The value for the field 'ResultPath' must be a valid Reference Path`,
  ],
  [
    one({ ...pass, Parameters: { a: [{ "b.$": "lit" }] } }),
    `${SCHEMA}: The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function call`,
  ],
  [one({ ...pass, Assign: { states: 1 } }), `${SCHEMA}: The variable name 'states' is not valid`],
  [one({ ...task, Resource: undefined }), `${SCHEMA}: The field 'Resource' is required but was missing at /States/S`],
  [one({ ...task, Resource: "x" }), `${SCHEMA}: Value is not a valid resource ARN at /States/S/Resource`],
  [
    one({ ...task, Credentials: {} }),
    `${SCHEMA}: The field 'RoleArn' is required but was missing at /States/S/Credentials`,
  ],
  [
    one({ ...task, TimeoutSeconds: 5, HeartbeatSeconds: 5 }),
    `${SCHEMA}: The value for the field 'HeartbeatSeconds' must be smaller`,
  ],
  [
    one({ ...task, TimeoutSeconds: 5, TimeoutSecondsPath: "$.a" }),
    `${SCHEMA}: The fields 'TimeoutSeconds' and 'TimeoutSecondsPath' are mutually exclusive`,
  ],
  [
    one({ ...task, Retry: [{ ErrorEquals: [] }] }),
    `${SCHEMA}: The value for the field 'ErrorEquals' must be a non-empty array`,
  ],
  [one({ ...task, Retry: [{ ErrorEquals: ["States.ALL", "A"] }] }), `${SCHEMA}: States.ALL must appear alone`],
  [
    one({ ...task, Retry: [{ ErrorEquals: ["States.ALL"] }, { ErrorEquals: ["A"] }] }),
    `${SCHEMA}: States.ALL must appear alone`,
  ],
  [
    one({ ...task, Retry: [{ ErrorEquals: ["A"], BackoffRate: 0.5 }] }),
    `${SCHEMA}: The value for the field 'BackoffRate'`,
  ],
  [
    one({ ...task, Retry: [{ ErrorEquals: ["A"], IntervalSeconds: 5, MaxDelaySeconds: 5 }] }),
    `${SCHEMA}: The value for the field 'MaxDelaySeconds'`,
  ],
  [
    one({ ...task, Catch: [{ ErrorEquals: ["A"] }] }),
    `${SCHEMA}: The field 'Next' is required but was missing at /States/S/Catch[0]`,
  ],
  [
    one({ ...task, Catch: [{ ErrorEquals: ["A"], Next: "Q" }] }),
    "MISSING_TRANSITION_TARGET: Missing 'Next' target: Q at /States/S/Catch[0]/Next",
  ],
  [one({ Type: "Wait", End: true }), `${SCHEMA}: Exactly one of the fields [Seconds,`],
  [one({ Type: "Wait", Seconds: -1, End: true }), `${SCHEMA}: The value for the field 'Seconds'`],
  [
    one({ Type: "Wait", Timestamp: "2016-12-05 21:29:29Z", End: true }),
    `${SCHEMA}: The value for the field 'Timestamp'`,
  ],
  [
    one({ Type: "Choice", Choices: [], Default: "S" }),
    `${SCHEMA}: The value for the field 'Choices' must be a non-empty array`,
  ],
  [
    one({ Type: "Choice", Choices: [{ Variable: "$.a", Next: "S" }] }),
    `${SCHEMA}: A choice rule must have exactly one`,
  ],
  [
    one({ Type: "Choice", Choices: [{ Variable: "$.a", NumericEquals: "1", Next: "S" }] }),
    `${SCHEMA}: The value for the field 'NumericEquals' must be a number`,
  ],
  [one({ Type: "Fail", Error: "a", ErrorPath: "$.a" }), `${SCHEMA}: The fields 'Error' and 'ErrorPath'`],
  [one({ Type: "Map", End: true }), `${SCHEMA}: The field 'ItemProcessor' is required but was missing at /States/S`],
  [one({ Type: "Parallel", Branches: [], End: true }), `${SCHEMA}: The value for the field 'Branches'`],
  [
    { StartAt: "A", States: { A: { ...pass, End: undefined, Next: "B" } } },
    "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next",
  ],
  [
    { StartAt: "A", States: { A: pass, B: pass } },
    `MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B`,
  ],
  [one({ Type: "Pass", Next: "S" }), "MISSING_END_STATE: "],
  [one({ Type: "Map", End: true, ItemProcessor: one(pass) }), "DUPLICATE_STATE_NAME: "],
  [{ StartAt: "A".repeat(81), States: { ["A".repeat(81)]: pass } }, "INVALID_STATE_NAME: "],
  [
    { ...one(pass), QueryLanguage: "JSONata" },
    `${SCHEMA}: This version of Stepwell does not support QueryLanguage JSONata`,
  ],
  [
    one({ ...pass, QueryLanguage: "JSONata" }),
    `${SCHEMA}: This version of Stepwell does not support QueryLanguage JSONata`,
  ],
  [
    one({
      Type: "Map",
      End: true,
      ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED" }, StartAt: "I", States: { I: pass } },
    }),
    `${SCHEMA}: This version of Stepwell does not support Map in the mode DISTRIBUTED at /States/S/ItemProcessor/ProcessorConfig/Mode`,
  ],
  [
    {
      StartAt: "A",
      States: {
        A: { Type: "Pass", Assign: { v: 1 }, Next: "M" },
        M: { Type: "Map", End: true, ItemProcessor: { StartAt: "I", States: { I: { ...pass, Assign: { v: 2 } } } } },
      },
    },
    `${SCHEMA}: The variable 'v' is already assigned in an outer scope`,
  ],
  [
    "not a definition",
    "INVALID_JSON_DESCRIPTION: Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: (String)\"not a definition\"; line: 1, column: 4] at [Source: (String)\"not a definition\"; line: 1, column: 4]",
  ],
  ["[]", `${SCHEMA}: A state machine definition must be a JSON object`],
];

void test("definitions with a mistake are refused at its place", () => {
  for (const [definition, starts] of REFUSED) {
    const found = first(definition);
    assert.ok(found.startsWith(starts), `${JSON.stringify(definition)}\n  expected ${starts}\n  got      ${found}`);
  }
});

void test("Express machines refuse what outlives them", () => {
  const resource = (text: string): string => first(one({ ...task, Resource: text }), "EXPRESS");
  assert.equal(
    resource("arn:aws:states:::sqs:sendMessage.waitForTaskToken"),
    `${SCHEMA}: Express state machine does not support '.waitForTaskToken' service integration  at /States/S/Resource`,
  );
  assert.match(resource("arn:aws:states:::states:startExecution.sync:2"), /'\.sync:2'/);
  assert.equal(
    resource("arn:aws:states:eu-west-1:123456789012:activity:a"),
    `${SCHEMA}: Express state machine does not support Activity ARN at /States/S/Resource`,
  );
  assert.equal(resource("arn:aws:states:::aws-sdk:s3:listBuckets"), "");
});

void test("CreateStateMachine's sentence", () => {
  assert.throws(
    () => compile(JSON.stringify(one({ ...task, Credentials: {} })), "STANDARD"),
    (error) =>
      error instanceof InvalidDefinition &&
      error.message ===
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The field 'RoleArn' is required but was missing at /States/S/Credentials'",
  );
});

void test("a compiled machine tells its tasks and the variables that its states read", () => {
  const inner = { StartAt: "I", States: { I: { ...task, Parameters: { "b.$": "States.Format('{}', $v.x)" } } } };
  const machine = compile(
    JSON.stringify({
      StartAt: "A",
      States: {
        A: { Type: "Pass", Assign: { v: {} }, Next: "M" },
        M: { Type: "Map", ItemsPath: "$v", End: true, ItemProcessor: inner },
      },
    }),
    "STANDARD",
  );
  assert.deepEqual(machine.tasks, [
    { stateName: "I", resource: task.Resource, location: "/States/M/ItemProcessor/States/I/Resource" },
  ]);
  assert.deepEqual(machine.variableReferences, { M: ["v"], I: ["v"] });
});
