import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  checkName,
  executionArn,
  executionName,
  machineArn,
  parseExecutionArn,
  parseMachineArn,
} from "../../src/states/arns.ts";
import { checkInput } from "../../src/states/input.ts";
import { pageSize } from "../../src/states/paging.ts";
import { firstSerialOf, Serials } from "../../src/states/rows/executions.ts";
import { refusalOf, targetOf } from "../../src/states/tasks/target.ts";

const refused = (code: string, message?: string) => (error: unknown) => {
  const fault = error as { code: string; message: string };
  assert.equal(fault.code, code);
  if (message !== undefined) assert.equal(fault.message, message);
  return true;
};

test("ARNs of machines and executions come apart as they were put together", () => {
  const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,80}$/);
  fc.assert(
    fc.property(name, name, (machine, execution) => {
      const place = { account: "123456789012", region: "eu-west-1", name: machine };
      const arn = machineArn(place);
      assert.deepEqual(parseMachineArn(arn), place);
      const parsed = parseExecutionArn(executionArn({ machine: arn, name: execution }));
      assert.deepEqual(parsed, { account: "123456789012", region: "eu-west-1", machine: arn, name: execution });
    }),
    { seed: 7 },
  );
});

test("an ARN of something else is refused in AWS's words", () => {
  assert.throws(
    () => parseMachineArn("not_a_valid_arn"),
    refused("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"),
  );
  assert.throws(
    () => parseExecutionArn("arn:aws:states:us-east-1:123456789012:express:m:n:1"),
    refused("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'"),
  );
  assert.throws(() => parseMachineArn("arn:aws:s3:::bucket"), refused("InvalidArn"));
});

test("names with AWS's refused characters are refused, all others pass", () => {
  for (const character of ' \t\n<>{}[]?*"#%\\^|~`$&,;:/\u0000\u001f\u007f\u0085')
    assert.throws(() => checkName(`a${character}b`), refused("InvalidName", `Invalid Name: 'a${character}b'`));
  for (const name of ["a", "Hello-World_1.2", "ü", "@!+=()'", "x".repeat(80)]) checkName(name);
  assert.throws(() => checkName("x".repeat(81)), refused("InvalidName"));
});

test("an input that is not JSON is refused with the parser's sentence", () => {
  checkInput('"some text"');
  checkInput("2");
  checkInput("null");
  const refusal = (sentence: string) =>
    refused("InvalidExecutionInput", `Invalid State Machine Execution Input: '${sentence}'`);
  assert.throws(
    () => checkInput("not some json"),
    refusal(
      "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
    ),
  );
  assert.throws(
    () => checkInput("{'not': 'json'"),
    refusal("Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
  );
  assert.throws(() => checkInput(""), refusal("Invalid execution input."));
});

test("the input's limit counts bytes, not characters", () => {
  checkInput(`"${"x".repeat(262_142)}"`);
  assert.throws(() => checkInput(`"${"x".repeat(262_143)}"`), refused("ValidationException"));
  assert.throws(() => checkInput(`"${"ü".repeat(131_072)}"`), refused("ValidationException"));
});

test("a page has 100 items unless asked otherwise", () => {
  assert.deepEqual([pageSize(undefined), pageSize(0), pageSize(7)], [100, 100, 7]);
});

test("serials grow with every start, whatever the clock does", () => {
  const serials = new Serials();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_005 })), (times) => {
      let last = serials.next(1_700_000_000_000);
      for (const now of times) {
        const next = serials.next(now);
        assert.ok(next > last && next >= firstSerialOf(now));
        last = next;
      }
    }),
    { seed: 7 },
  );
});

test("names of executions are UUIDs in the order of time", () => {
  const uuids = ["ffffffff-ffff-4fff-bfff-ffffffffffff", "00000000-0000-4000-8000-000000000000"];
  const names = uuids.map((uuid, index) => executionName(1_700_000_000_000 + index, uuid));
  for (const name of names) assert.match(name, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.deepEqual(names.toSorted(), names);
});

test("a resource says which call it is", () => {
  const sdk = targetOf("arn:aws:states:::aws-sdk:s3:listObjectsV2");
  assert.equal(sdk.kind, "sdk");
  assert.ok(sdk.kind === "sdk" && sdk.operation === "ListObjectsV2" && sdk.sdk.service === "s3");
  const putEvents = targetOf("arn:aws:states:::events:putEvents");
  assert.ok(putEvents.kind === "optimised" && putEvents.integration.operation === "PutEvents");
  const nested = targetOf("arn:aws:states:::states:startExecution.sync:2");
  assert.ok(nested.kind === "startExecution" && nested.pattern === "sync:2");
  const callback = targetOf("arn:aws:states:::aws-sdk:s3:putObject.waitForTaskToken");
  assert.ok(callback.kind === "sdk" && callback.pattern === "waitForTaskToken" && callback.operation === "PutObject");
  assert.equal(targetOf("arn:aws:states:us-east-1:123456789012:activity:a").kind, "activity");
  assert.equal(targetOf("arn:aws:lambda:us-east-1:123456789012:function:f:PROD").kind, "function");
});

test("a resource that nobody here can serve is refused with the reason", () => {
  const sentences: Readonly<Record<string, RegExp>> = {
    "arn:aws:states:::lambda:invoke": /^Stepwell has no service 'lambda' yet/,
    "arn:aws:lambda:us-east-1:123456789012:function:f": /^Stepwell has no service 'lambda' yet/,
    "arn:aws:states:::sqs:sendMessage": /^Stepwell has no service 'sqs' yet/,
    "arn:aws:states:::aws-sdk:dynamodb:putItem": /^Stepwell has no service 'dynamodb' yet/,
    "arn:aws:states:::sqs:sendMessage.waitForTaskToken": /^Stepwell has no service 'sqs' yet/,
    "arn:aws:states:::glue:startJobRun.sync": /^Stepwell has no service 'glue' yet/,
    "arn:aws:states:::sqs:sendMessage.sync": /is not recognized/,
    "arn:aws:states:::states:startExecution.sync:3": /is not recognized/,
    "arn:aws:states:::aws-sdk:s3:getObjekt": /is not recognized/,
    "arn:aws:states:::aws-sdk:s3:GetObject": /is not recognized/,
    nonsense: /is not recognized/,
  };
  const here = new Set(["s3", "states", "events"]);
  const offered = { serves: (service: string) => here.has(service), allowMissing: false };
  for (const [resource, sentence] of Object.entries(sentences))
    assert.match(refusalOf(resource, offered) ?? "", sentence, resource);
  const lenient = { ...offered, allowMissing: true };
  assert.equal(refusalOf("arn:aws:states:::lambda:invoke", lenient), undefined);
  assert.equal(refusalOf("arn:aws:states:::glue:startJobRun.sync", lenient), undefined);
  assert.match(refusalOf("arn:aws:states:::aws-sdk:s3:getObjekt", lenient) ?? "", /is not recognized/);
});
