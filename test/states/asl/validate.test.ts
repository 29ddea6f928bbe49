/** What CreateStateMachine refuses, and in which words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile, InvalidDefinition, validate } from "../../../src/states/asl/machine.ts";
import type { MachineType } from "../../../src/states/asl/types.ts";

const pass = { Type: "Pass", End: true };
const task = { Type: "Task", Resource: "arn:aws:states:::aws-sdk:s3:listBuckets", Parameters: {}, End: true };
const one = (state: object): object => ({ StartAt: "S", States: { S: state } });

function first(definition: unknown, type: MachineType = "STANDARD"): string {
  const text = typeof definition === "string" ? definition : JSON.stringify(definition);
  const [found] = validate(text, type);
  return found === undefined ? "" : `${found.code}: ${found.message} at ${found.location}`;
}

const SCHEMA = "SCHEMA_VALIDATION_FAILED";
const WAIT_FIELDS = "[SecondsPath, Seconds, TimestampPath, Timestamp]";
const rule = (fields: object): object => one({ Type: "Choice", Choices: [{ Next: "S", ...fields }], Default: "S" });

const REFUSED: readonly (readonly [definition: unknown, starts: string])[] = [
  [{}, `${SCHEMA}: These fields are required: [StartAt, States] at /`],
  [{ States: { S: pass } }, `${SCHEMA}: These fields are required: [StartAt] at /`],
  [{ StartAt: "S" }, `${SCHEMA}: These fields are required: [States] at /`],
  [{ StartAt: "S", States: {} }, `${SCHEMA}: Value cannot be empty at /States`],
  [{ ...one(pass), Foo: 1 }, `${SCHEMA}: Field 'Foo' is not supported at /`],
  [{ ...one(pass), TimeoutSeconds: -1 }, `${SCHEMA}: Minimum value is 0 at /TimeoutSeconds`],
  [{ ...one(pass), TimeoutSeconds: "1" }, `${SCHEMA}: Expected value of type Integer at /TimeoutSeconds`],
  [{ ...one(pass), Version: "2.0" }, `${SCHEMA}: Value should be one of the following: [1.0] at /Version`],
  [one({ End: true }), `${SCHEMA}: These fields are required: [Type] at /States/S`],
  [one({ Type: "toString", End: true }), `${SCHEMA}: Value should be one of the following: [Task, Wait, Pass,`],
  [
    one({ Type: "Pass" }),
    `${SCHEMA}: This object should have only one of the following fields: [Next, End] at /States/S`,
  ],
  [
    one({ ...pass, Next: "S" }),
    `${SCHEMA}: There should only be one of the following fields: [Next, End] at /States/S`,
  ],
  [one({ ...pass, Retry: [] }), `${SCHEMA}: Field 'Retry' is not supported at /States/S`],
  [one({ ...pass, TimeoutSeconds: 5 }), `${SCHEMA}: Field 'TimeoutSeconds' is not supported at /States/S`],
  [one({ ...pass, InputPath: "x" }), `${SCHEMA}: Value must be a valid JSONPath. at /States/S/InputPath`],
  [one({ ...pass, ResultPath: "$.a[*]" }), `${SCHEMA}: Value is not a Reference Path at /States/S/ResultPath`],
  [
    one({ ...pass, Parameters: { a: [{ "b.$": "lit" }] } }),
    `${SCHEMA}: The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function call at /States/S/Parameters/a[0]`,
  ],
  [one({ ...pass, Assign: { states: 1 } }), "RESERVED_VARIABLE_NAME: Cannot assign to reserved variable '$states'. at"],
  [
    one({ ...pass, Assign: { "a-b": 1 } }),
    "INVALID_VARIABLE_NAME: Invalid variable name 'a-b': the variable name contains invalid characters. at",
  ],
  [one({ ...task, Resource: undefined }), `${SCHEMA}: These fields are required: [Resource] at /States/S`],
  [one({ ...task, Resource: "x" }), `${SCHEMA}: Value is not a valid resource ARN at /States/S/Resource`],
  [
    one({ ...task, Credentials: {} }),
    `${SCHEMA}: The field 'RoleArn' is required but was missing at /States/S/Credentials`,
  ],
  [
    one({ ...task, TimeoutSeconds: 5, HeartbeatSeconds: 5 }),
    `${SCHEMA}: The value for the field 'HeartbeatSeconds' must be smaller`,
  ],
  [one({ ...task, TimeoutSeconds: 0 }), `${SCHEMA}: Minimum value is 1 at /States/S/TimeoutSeconds`],
  [one({ ...task, HeartbeatSeconds: 1e8 }), `${SCHEMA}: Maximum value is 99999999 at /States/S/HeartbeatSeconds`],
  [
    one({ ...task, TimeoutSeconds: 5, TimeoutSecondsPath: "$.a" }),
    `${SCHEMA}: There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath] at /States/S`,
  ],
  [one({ ...task, Retry: [{}] }), `${SCHEMA}: These fields are required: [ErrorEquals] at /States/S/Retry[0]`],
  [
    one({ ...task, Retry: [{ ErrorEquals: [] }] }),
    `${SCHEMA}: Value cannot be empty at /States/S/Retry[0]/ErrorEquals`,
  ],
  [
    one({ ...task, Retry: [{ ErrorEquals: ["States.ALL", "A"] }] }),
    `${SCHEMA}: States.ALL must appear alone and at end of list at`,
  ],
  [
    one({ ...task, Retry: [{ ErrorEquals: ["States.ALL"] }, { ErrorEquals: ["A"] }] }),
    `${SCHEMA}: States.ALL must appear alone and at end of list at`,
  ],
  [
    one({ ...task, Retry: [{ ErrorEquals: ["A"], BackoffRate: 0.5 }] }),
    `${SCHEMA}: Minimum value is 1 at /States/S/Retry[0]/BackoffRate`,
  ],
  [
    one({ ...task, Retry: [{ ErrorEquals: ["A"], JitterStrategy: "HALF" }] }),
    `${SCHEMA}: Value should be one of the following: [NONE, FULL] at /States/S/Retry[0]/JitterStrategy`,
  ],
  [
    one({ ...task, Retry: [{ ErrorEquals: ["A"], IntervalSeconds: 5, MaxDelaySeconds: 5 }] }),
    `${SCHEMA}: The value for the field 'MaxDelaySeconds'`,
  ],
  [
    one({ ...task, Catch: [{ ErrorEquals: ["A"] }] }),
    `${SCHEMA}: These fields are required: [Next] at /States/S/Catch[0]`,
  ],
  [
    one({ ...task, Catch: [{ ErrorEquals: ["A"], Next: "Q" }] }),
    "MISSING_TRANSITION_TARGET: Missing 'Next' target: Q at /States/S/Catch[0]/Next",
  ],
  [
    one({ Type: "Wait", End: true }),
    `${SCHEMA}: This object should have only one of the following fields: ${WAIT_FIELDS} at /States/S`,
  ],
  [
    one({ Type: "Wait", Seconds: 1, SecondsPath: "$.s", End: true }),
    `${SCHEMA}: There should only be one of the following fields: ${WAIT_FIELDS} at /States/S`,
  ],
  [one({ Type: "Wait", Seconds: -1, End: true }), `${SCHEMA}: Minimum value is 0 at /States/S/Seconds`],
  [
    one({ Type: "Wait", Timestamp: "2016-12-05 21:29:29Z", End: true }),
    `${SCHEMA}: String does not match RFC3339 timestamp at /States/S/Timestamp`,
  ],
  [one({ Type: "Choice", Default: "S" }), `${SCHEMA}: These fields are required: [Choices] at /States/S`],
  [one({ Type: "Choice", Choices: [], Default: "S" }), `${SCHEMA}: Value cannot be empty at /States/S/Choices`],
  [rule({ Next: undefined, Variable: "$.a", IsNull: true }), `${SCHEMA}: These fields are required: [Next] at`],
  [
    rule({ Variable: "$.a" }),
    `${SCHEMA}: This object should have only one of the following fields: [StringMatches, IsPresent, StringEquals,`,
  ],
  [
    rule({ IsNull: true }),
    `${SCHEMA}: The object must have only one of the following fields, [And, Or, Not, Variable, Condition] at /States/S/Choices[0]`,
  ],
  [
    rule({ And: [{ Variable: "$.a", IsNull: true, Next: "S" }] }),
    `${SCHEMA}: Field 'Next' is not supported at /States/S/Choices[0]/And[0]`,
  ],
  [
    rule({ Variable: "a", IsNull: true }),
    `${SCHEMA}: Value is not a Reference Path: Reference path didn't start with '$' at /States/S/Choices[0]/Variable`,
  ],
  [
    rule({ Variable: "$.a", NumericEquals: "1" }),
    `${SCHEMA}: Expected value of type [NUMBER] at /States/S/Choices[0]/NumericEquals`,
  ],
  [
    rule({ Variable: "$.a", TimestampEquals: "today" }),
    `${SCHEMA}: String does not match RFC3339 timestamp at /States/S/Choices[0]/TimestampEquals`,
  ],
  [
    one({ Type: "Fail", Error: "a", ErrorPath: "$.a" }),
    `${SCHEMA}: There should only be one of the following fields: [Error, ErrorPath] at /States/S`,
  ],
  [
    one({ Type: "Map", End: true }),
    `${SCHEMA}: This object should have only one of the following fields: [ItemProcessor, Iterator] at /States/S`,
  ],
  [one({ Type: "Parallel", Branches: [], End: true }), `${SCHEMA}: Value cannot be empty at /States/S/Branches`],
  [
    one({ Type: "Parallel", Branches: [{}], End: true }),
    `${SCHEMA}: These fields are required: [StartAt, States] at /States/S/Branches[0]`,
  ],
  [{ StartAt: "B", States: { A: pass } }, "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /StartAt"],
  [
    { StartAt: "A", States: { A: { ...pass, End: undefined, Next: "B" } } },
    "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next",
  ],
  [
    { StartAt: "A", States: { A: pass, B: pass } },
    `MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B`,
  ],
  [one({ Type: "Pass", Next: "S" }), "MISSING_END_STATE: Workflow has no terminal state at undefined"],
  [
    one({ Type: "Map", End: true, ItemProcessor: one(pass) }),
    "DUPLICATE_STATE_NAME: Duplicate State name: S at /States/S/ItemProcessor/States/S",
  ],
  [{ StartAt: "A".repeat(81), States: { ["A".repeat(81)]: pass } }, "INVALID_STATE_NAME: "],
  [
    { ...one(pass), QueryLanguage: "SQL" },
    `${SCHEMA}: Value should be one of the following: [JSONPath, JSONata] at /QueryLanguage`,
  ],
  [
    { ...one({ ...pass, QueryLanguage: "JSONPath" }), QueryLanguage: "JSONata" },
    `${SCHEMA}: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/S`,
  ],
  [
    one({
      Type: "Map",
      End: true,
      ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED" }, StartAt: "I", States: { I: pass } },
    }),
    `${SCHEMA}: These fields are required: [ExecutionType] at /States/S/ItemProcessor/ProcessorConfig`,
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

void test("one look finds all, in AWS's order: lost targets, then the missing end or what cannot be reached", () => {
  const found = (states: object): string[] =>
    validate(JSON.stringify({ StartAt: "A", States: states }), "STANDARD").map(
      ({ message, location }) => `${message} ${location ?? "-"}`,
    );
  const to = (Next: string): object => ({ Type: "Pass", Next });
  assert.deepEqual(found({ A: to("B"), B: to("A") }), ["Workflow has no terminal state -"]);
  assert.deepEqual(found({ A: to("B"), B: to("A"), C: to("A") }), ["Workflow has no terminal state -"]);
  assert.deepEqual(found({ A: to("B"), B: to("A"), C: pass }), [`State "C" is not reachable. /States/C`]);
  assert.deepEqual(found({ A: to("NOPE") }), [
    "Missing 'Next' target: NOPE /States/A/Next",
    "Workflow has no terminal state -",
  ]);
  assert.deepEqual(found({ A: to("C"), B: pass }), [
    "Missing 'Next' target: C /States/A/Next",
    `State "B" is not reachable. /States/B`,
  ]);
  const choice = { Type: "Choice", Choices: [{ Variable: "$.a", IsNull: true, Next: "X" }], Default: "Y" };
  assert.deepEqual(found({ A: choice, B: pass }), [
    "Missing 'Next' target: X /States/A/Choices[0]/Next",
    "Missing 'Next' target: Y /States/A/Default",
    `State "B" is not reachable. /States/B`,
  ]);
});

void test("CreateStateMachine's sentence", () => {
  assert.throws(
    () => compile(JSON.stringify(one({ Type: "Pass", Next: "S" })), "STANDARD"),
    (error) =>
      error instanceof InvalidDefinition &&
      error.message === "Invalid State Machine Definition: 'MISSING_END_STATE: Workflow has no terminal state at null'",
  );
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
    {
      stateName: "I",
      resource: task.Resource,
      location: "/States/M/ItemProcessor/States/I/Resource",
      parameters: { "b.$": "States.Format('{}', $v.x)" },
      parametersLocation: "/States/M/ItemProcessor/States/I/Parameters",
    },
  ]);
  assert.deepEqual(machine.variableReferences, { M: ["v"], I: ["v"] });
});

void test("an Express machine has five minutes, less if it says so", () => {
  const limitOf = (type: MachineType, more: object): number | undefined =>
    compile(JSON.stringify({ StartAt: "S", States: { S: { Type: "Succeed" } }, ...more }), type).timeoutSeconds;
  assert.equal(limitOf("EXPRESS", {}), 300);
  assert.equal(limitOf("EXPRESS", { TimeoutSeconds: 0 }), 300);
  assert.equal(limitOf("EXPRESS", { TimeoutSeconds: 20 }), 20);
  assert.equal(limitOf("EXPRESS", { TimeoutSeconds: 301 }), 300);
  assert.equal(limitOf("STANDARD", { TimeoutSeconds: 301 }), 301);
  assert.equal(limitOf("STANDARD", { TimeoutSeconds: 0 }), undefined);
});
