import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import type { InsideDoor, Parts } from "../../src/flow.ts";
import { perform, type Performed } from "../../src/states/tasks/perform.ts";
import { fault } from "../../src/wire/fault.ts";
import { startStepwell } from "../support/stepwell.ts";
import { create, ended, roleFor, start, taskMachine } from "./fixture.ts";

type Request = Parameters<InsideDoor>[0];

/** Performs a task against services that answer as told; what was asked of them is in `asked`. */
async function performed(
  resource: string,
  parameters: unknown,
  answer: (request: Request) => unknown,
): Promise<{ readonly performed: Performed; readonly asked: Request | undefined }> {
  let asked: Request | undefined;
  const call = async (request: Request): Promise<unknown> => {
    asked = request;
    return answer(request);
  };
  const parts = { clock: systemClock, call, serves: () => true } as unknown as Parts;
  const task = {
    machine: "arn:aws:states:us-east-1:123456789012:stateMachine:m",
    name: "e",
    token: "t",
    resource,
    parameters: JSON.stringify(parameters),
    roleArn: "arn:aws:iam::123456789012:role/r",
  };
  return { performed: await perform(parts, task, "trace"), asked };
}
function outputOf(performed: Performed): Record<string, unknown> {
  assert.ok("output" in performed, JSON.stringify(performed));
  return JSON.parse(performed.output) as Record<string, unknown>;
}
function failureOf(performed: Performed) {
  assert.ok("failure" in performed, JSON.stringify(performed));
  return performed.failure;
}

const bytes = (text: string) => Buffer.from(text);
const INVOKE = "arn:aws:states:::lambda:invoke";

void test("lambda:invoke sends the payload as JSON and gives the answer as JSON", async () => {
  const { performed: done, asked } = await performed(INVOKE, { FunctionName: "f", Payload: "text" }, () => ({
    StatusCode: 200,
    ExecutedVersion: "$LATEST",
    Payload: bytes('{"a":[1]}'),
  }));
  assert.deepEqual([asked?.service, asked?.operation], ["lambda", "Invoke"]);
  const input = asked?.input as { FunctionName: string; Payload: Uint8Array };
  assert.deepEqual([input.FunctionName, Buffer.from(input.Payload).toString()], ["f", '"text"']);
  const output = outputOf(done);
  assert.deepEqual(Object.keys(output), [
    "ExecutedVersion",
    "Payload",
    "SdkHttpMetadata",
    "SdkResponseMetadata",
    "StatusCode",
  ]);
  assert.deepEqual(output["Payload"], { a: [1] });
  const { HttpHeaders } = output["SdkHttpMetadata"] as { HttpHeaders: Record<string, string> };
  assert.equal(HttpHeaders["Content-Length"], "9");
});

void test("numbers of a payload pass through as they were written", async () => {
  const arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
  const payload = JSON.parse("[0]") as unknown;
  const { performed: done, asked } = await performed(arn, payload, () => ({
    StatusCode: 200,
    Payload: bytes('{"n":10000000000000001,"f":1.0}'),
  }));
  assert.equal(asked?.region, "eu-west-1");
  assert.ok("output" in done && done.output === '{"n":10000000000000001,"f":1.0}');
});

void test("a function that throws fails the task with its error type, one that ends otherwise with Lambda.Unknown", async () => {
  const thrown = '{"errorMessage":"no","errorType":"CustomException"}';
  for (const resource of [INVOKE, "arn:aws:lambda:us-east-1:123456789012:function:f"]) {
    const { performed: done } = await performed(resource, { FunctionName: "f" }, () => ({
      StatusCode: 200,
      FunctionError: "Unhandled",
      Payload: bytes(thrown),
    }));
    assert.deepEqual(failureOf(done), { error: "CustomException", cause: thrown });
  }
  const { performed: late } = await performed(INVOKE, { FunctionName: "f" }, () => ({
    StatusCode: 200,
    FunctionError: "Unhandled",
    Payload: bytes('{"errorMessage":"Task timed out after 3.00 seconds"}'),
  }));
  assert.equal(failureOf(late).error, "Lambda.Unknown");
});

void test("a service's faults have the names and the style of the older SDK", async () => {
  const { performed: done } = await performed(INVOKE, { FunctionName: "f" }, () => {
    throw fault("ResourceNotFoundException", "Function not found: f", { status: 404 });
  });
  const { error, cause } = failureOf(done);
  assert.equal(error, "Lambda.ResourceNotFoundException");
  assert.match(
    cause,
    /^Function not found: f \(Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: [-\w]+; Proxy: null\)$/,
  );
  const put = { TableName: "/t", Item: { id: { S: "1" } } };
  const { performed: refused } = await performed("arn:aws:states:::dynamodb:putItem", put, () => {
    throw fault("ValidationException", "1 validation error detected", { status: 400 });
  });
  assert.equal(failureOf(refused).error, "DynamoDB.AmazonDynamoDBException");
  assert.match(
    failureOf(refused).cause,
    /\(Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException;/,
  );
});

void test("message bodies that are JSON are sent as its text", async () => {
  const QueueUrl = "http://localhost:4566/123456789012/q";
  const sent = await performed("arn:aws:states:::sqs:sendMessage", { QueueUrl, MessageBody: { a: 1 } }, () => ({
    MessageId: "m",
    MD5OfMessageBody: "d",
  }));
  assert.equal((sent.asked?.input as { MessageBody: string } | undefined)?.MessageBody, '{"a":1}');
  assert.deepEqual(Object.keys(outputOf(sent.performed)), [
    "MD5OfMessageBody",
    "MessageId",
    "SdkHttpMetadata",
    "SdkResponseMetadata",
  ]);
  const published = await performed(
    "arn:aws:states:::sns:publish",
    { TopicArn: "arn:aws:sns:us-east-1:123456789012:t", Message: { a: 1 } },
    () => ({ MessageId: "m" }),
  );
  assert.equal((published.asked?.input as { Message: string } | undefined)?.Message, '{"a":1}');
  const nowhere = { QueueUrl: "http://no-such-queue-1", MessageBody: "b" };
  const lost = await performed("arn:aws:states:::sqs:sendMessage", nowhere, () => assert.fail("nobody is asked"));
  assert.deepEqual(failureOf(lost.performed), {
    error: "SQS.SdkClientException",
    cause: "Unable to execute HTTP request: no-such-queue-1: Name or service not known",
  });
});

void test("items go to the table as they are", async () => {
  const Key = { id: { S: "id1" } };
  const got = await performed("arn:aws:states:::dynamodb:getItem", { TableName: "t", Key }, () => ({ Item: Key }));
  assert.deepEqual(got.asked?.input, { TableName: "t", Key });
  assert.deepEqual(outputOf(got.performed)["Item"], Key);
});

void test("a machine of a service that is not there is refused, unless the installation lets it be", async () => {
  const strict = await startStepwell();
  const definition = taskMachine(INVOKE, { FunctionName: "f" });
  try {
    const roleArn = await roleFor(strict, "able", []);
    await assert.rejects(create(strict, "refused", definition, roleArn), {
      name: "InvalidDefinition",
      message: /Stepwell has no service 'lambda' yet, so '.*' cannot run at \/States\/Do\/Resource/,
    });
  } finally {
    await strict.close();
  }
  const lenient = await startStepwell(undefined, { allowMissingServices: true });
  try {
    const roleArn = await roleFor(lenient, "able", []);
    const end = await ended(lenient, await start(lenient, await create(lenient, "let", definition, roleArn)));
    assert.equal(end.status, "FAILED");
    assert.match(end.cause ?? "", /^Stepwell has no service 'lambda' yet/);
  } finally {
    await lenient.close();
  }
});
