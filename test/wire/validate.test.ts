import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { openWire } from "../../src/wire/open.ts";
import { loadModel, type Constraint } from "../../src/wire/model.ts";

const MODELS = readdirSync(new URL("../../model/", import.meta.url)).map((name) => name.replace(".json", ""));

const refused = (
  model: string,
  operation: string,
  input: object,
  message: string,
  code = "ValidationException",
): void =>
  assert.throws(() => openWire(model).validate(operation, input), { name: "AwsFault", code, status: 400, message });

void test("constraints are refused in AWS's sentences", () => {
  refused(
    "sfn",
    "ListExecutions",
    { maxResults: 1001 },
    "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
  );
  refused(
    "sfn",
    "StartExecution",
    {},
    "1 validation error detected: Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null",
  );
  refused(
    "sfn",
    "ListExecutions",
    { statusFilter: "DONE" },
    "1 validation error detected: Value 'DONE' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [ABORTED, FAILED, PENDING_REDRIVE, RUNNING, SUCCEEDED, TIMED_OUT]",
  );
  refused(
    "eventbridge",
    "PutRule",
    { Name: "a b" },
    "1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
  );
  refused(
    "sfn",
    "StartExecution",
    { stateMachineArn: "", name: "x".repeat(81) },
    `2 validation errors detected: Value '' at 'stateMachineArn' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '${"x".repeat(81)}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80`,
  );
});

void test("places in lists and maps are spelt as AWS spells them", () => {
  refused(
    "iam",
    "CreateRole",
    {
      RoleName: "r",
      AssumeRolePolicyDocument: "{}",
      Tags: [
        { Key: "a", Value: "b" },
        { Key: "c", Value: "#" },
      ],
    },
    "1 validation error detected: Value '#' at 'tags.2.member.value' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*",
    "ValidationError",
  );
  refused(
    "eventbridge",
    "PutEvents",
    { Entries: [] },
    "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1",
  );
  refused(
    "sfn",
    "UntagResource",
    { resourceArn: "a", tagKeys: ["a", "x".repeat(129)] },
    `1 validation error detected: Value '[a, ${"x".repeat(129)}]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]`,
  );
});

void test("what is secret is not repeated", () => {
  refused(
    "sfn",
    "StartExecution",
    { stateMachineArn: "a", input: "x".repeat(262_145) },
    "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144",
  );
});

void test("what satisfies the model passes, and members newer than botocore are known", () => {
  openWire("sfn").validate("StartExecution", { stateMachineArn: "a", name: "n", input: "{}" });
  openWire("eventbridge").validate("PutRule", {
    Name: "r",
    ScheduleExpression: "rate(5 minutes)",
    State: "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
  });
  openWire("s3").validate("PutBucketNotificationConfiguration", {
    Bucket: "b",
    NotificationConfiguration: { EventBridgeConfiguration: {} },
  });
  refused(
    "sfn",
    "RedriveExecution",
    { executionArn: "" },
    "1 validation error detected: Value '' at 'executionArn' failed to satisfy constraint: Member must have length greater than or equal to 1",
  );
});

/** Every pattern of every model, against texts that make careless expressions run for ages. */
void test("no pattern takes long to fail", () => {
  const patterns = new Map<string, number>();
  const collect = (constraint: Constraint | undefined): void => {
    if (constraint === undefined) return;
    const matched = constraint.q ?? constraint.p;
    if (matched !== undefined)
      patterns.set(matched, Math.max(patterns.get(matched) ?? 0, Math.min(constraint.x ?? 2048, 2048)));
    [constraint.i, constraint.k, constraint.v].forEach(collect);
  };
  for (const model of MODELS) loadModel(model).constraints.forEach(collect);
  assert.ok(patterns.size > 200, String(patterns.size));
  const starts = ["", "arn:aws:", "arn:aws:lambda:us-east-1:123456789012:function:", "https://", "aws.partner", "/"];
  const units = ["a", "1", "/", ":", "-", ".", "_", " ", "a-", "a/", "a:", "aws-", "0-"];
  for (const [pattern, most] of patterns) {
    const expression = compile(pattern);
    for (const start of starts) {
      for (const unit of units) {
        // From short to long, so that an exponential one is caught before it takes for ever.
        for (const length of [16, 20, 24, 28, 64, 512, 2048]) {
          if (length > Math.max(most, 16)) break;
          const text = `${(start + unit.repeat(length)).slice(0, length - 1)}\n`;
          const began = performance.now();
          expression.test(text);
          assert.ok(performance.now() - began < 200, `${pattern} takes too long with ${text.slice(0, 60)}`);
        }
      }
    }
  }
});

function compile(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    return new RegExp(`^(?:${pattern})$`);
  }
}

void test("the patterns that are matched in another's place match the same", () => {
  const pairs = MODELS.flatMap((model) => loadModel(model).constraints).flatMap(({ p, q }) =>
    p === undefined || q === undefined ? [] : [[p, q] as const],
  );
  assert.ok(pairs.length >= 3);
  const text = fc
    .array(fc.constantFrom(" ", "\t", "a", ":", "~", "\u0000", "\n", "é"), { maxLength: 8 })
    .map((each) => each.join(""));
  for (const [one, other] of pairs) {
    fc.assert(
      fc.property(text, (each) => assert.equal(compile(other).test(each), compile(one).test(each))),
      { seed: 4, numRuns: 3000 },
    );
  }
});

void test("documents of aws-sdk tasks: any first letter, ISO timestamps, text for bytes", async () => {
  const states = openWire("sfn");
  assert.deepEqual(states.fromJson("StartExecution", { StateMachineArn: "a", input: "{}" }), {
    stateMachineArn: "a",
    input: "{}",
  });
  assert.deepEqual(states.toJson("StartExecution", { executionArn: "e", startDate: new Date(1_790_000_000_123) }), {
    ExecutionArn: "e",
    StartDate: "2026-09-21T14:13:20.123Z",
  });
  assert.throws(() => states.fromJson("StartExecution", { StateMachineArn: "a", Inputs: "{}" }), {
    message: "The field 'Inputs' is not supported",
  });
  assert.throws(() => states.fromJson("StartExecution", { StateMachineArn: 5 }), { code: "ValidationException" });
  const s3 = openWire("s3");
  const put = s3.fromJson("PutObject", { Bucket: "b", Key: "k", Body: { a: 1 }, Metadata: { x: "y" } }) as {
    Body: { bytes(limit: number): Promise<Buffer>; length: number };
  };
  assert.equal((await put.Body.bytes(100)).toString(), '{"a":1}');
  assert.equal(put.Body.length, 7);
  assert.deepEqual(s3.toJson("GetObject", { Body: Buffer.from("text"), ETag: '"e"', LastModified: new Date(0) }), {
    Body: "text",
    ETag: '"e"',
    LastModified: "1970-01-01T00:00:00.000Z",
  });
  const lambda = openWire("lambda");
  assert.deepEqual(lambda.fromJson("Invoke", { FunctionName: "f", Payload: { x: 1 } }), {
    FunctionName: "f",
    Payload: Buffer.from('{"x":1}'),
  });
});

void test("secrets are found by path", () => {
  assert.deepEqual(openWire("sfn").sensitive("StartExecution", "input"), ["input"]);
  const paths = openWire("lambda").sensitive("CreateFunction", "input");
  assert.ok(paths.includes("Environment.Variables") || paths.includes("Environment.Variables.[]"), paths.join());
  assert.ok(!paths.includes("FunctionName"));
});

void test("operations that read are told from those that change", () => {
  const reads = (model: string): readonly string[] =>
    [...openWire(model).operations.values()].filter((each) => each.readOnly).map((each) => each.name);
  assert.ok(
    ["DescribeExecution", "GetExecutionHistory", "ListExecutions", "TestState", "ValidateStateMachineDefinition"].every(
      (name) => reads("sfn").includes(name),
    ),
  );
  assert.ok(!reads("sfn").includes("GetActivityTask") && !reads("sfn").includes("StartExecution"));
  assert.ok(["HeadObject", "GetObject", "SelectObjectContent"].every((name) => reads("s3").includes(name)));
  assert.ok(!reads("s3").some((name) => /^(?:Put|Delete|Create|Update|Copy|Upload)/.test(name)));
  assert.ok(reads("cloudtrail").includes("LookupEvents") && reads("iam").includes("SimulatePrincipalPolicy"));
  assert.ok(reads("sts").includes("GetCallerIdentity") && reads("sts").includes("AssumeRole"));
});
