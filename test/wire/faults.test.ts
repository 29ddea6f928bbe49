import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { test } from "node:test";
import { AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import { HttpResponse } from "@smithy/core/transport";
import type { FaultFacts, HttpResponse as Answer } from "../../src/wire/http.ts";
import { loadModel } from "../../src/wire/model.ts";
import { openWire } from "../../src/wire/open.ts";
import { request } from "./request.ts";

const sdk = createRequire(import.meta.url);
const ID = "11111111-2222-3333-4444-555555555555";

/** One operation of each service, as a client calls it and as it looks on the wire. */
const CASES: readonly {
  model: string;
  client?: string;
  operation: string;
  input: object;
  sent: Parameters<typeof request>;
  form?: string;
  options?: object;
}[] = [
  { model: "s3", operation: "GetBucketTagging", input: { Bucket: "b" }, sent: ["GET", "/b?tagging"] },
  json("sfn", "ListStateMachines", "AWSStepFunctions"),
  {
    ...json("sfn", "ListStateMachines", "AWSStepFunctions"),
    sent: [
      "POST",
      "/service/AWSStepFunctions/operation/ListStateMachines",
      { headers: { "smithy-protocol": "rpc-v2-cbor" } },
    ],
    options: { protocol: AwsSmithyRpcV2CborProtocol },
  },
  json("eventbridge", "ListRules", "AWSEvents"),
  json("cloudtrail", "ListTrails", "CloudTrail_20131101"),
  json("sqs", "ListQueues", "AmazonSQS"),
  json("dynamodb", "ListTables", "DynamoDB_20120810"),
  json("ssm", "ListDocuments", "AmazonSSM"),
  json("rekognition", "ListCollections", "RekognitionService"),
  { ...json("logs", "DescribeLogGroups", "Logs_20140328"), client: "cloudwatch-logs" },
  query("iam", "ListUsers", "2010-05-08"),
  query("sts", "GetCallerIdentity", "2011-06-15"),
  query("sns", "ListTopics", "2010-03-31"),
  query("cloudformation", "ListStacks", "2010-05-15"),
  { model: "lambda", operation: "ListFunctions", input: {}, sent: ["GET", "/2015-03-31/functions/"] },
  { model: "scheduler", operation: "ListSchedules", input: {}, sent: ["GET", "/schedules"] },
];
function json(model: string, operation: string, target: string): (typeof CASES)[number] {
  return {
    model,
    operation,
    input: {},
    sent: [
      "POST",
      "/",
      { headers: { "x-amz-target": `${target}.${operation}`, "content-type": "application/x-amz-json-1.0" } },
    ],
  };
}
function query(model: string, operation: string, version: string): (typeof CASES)[number] {
  return { model, operation, input: {}, sent: ["GET", `/?Action=${operation}&Version=${version}`] };
}

for (const { model, client = model, operation, input, sent, options } of CASES) {
  void test(`${model}${options === undefined ? "" : " over rpcv2Cbor"}: every modelled fault arrives as its exception`, async () => {
    const { errors } = loadModel(model);
    const match = openWire(model).match(request(...sent));
    assert.equal(match?.operation, operation);
    for (const code of errors) {
      const answer = match?.fault({ code, message: `<${code}> & more` }, ID);
      const error = await failureOf(client, operation, input, answer, options);
      assert.equal(error.name, code, model);
      assert.ok(error instanceof (sdk(`@aws-sdk/client-${client}`) as Record<string, new () => Error>)[code]!, code); // oxlint-disable-line no-non-null-assertion
      assert.ok(error.message === `<${code}> & more` || model === "s3", `${code}: ${error.message}`);
      assert.equal(error.$metadata.httpStatusCode, answer?.status);
      assert.equal(error.$metadata.requestId, ID);
    }
  });
}

type Failure = Error & {
  readonly $metadata: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly [member: string]: unknown;
};

async function failureOf(
  client: string,
  operation: string,
  input: object,
  answer: Answer | undefined,
  options?: object,
): Promise<Failure> {
  const classes = sdk(`@aws-sdk/client-${client}`) as Record<string, new (options: object) => unknown>;
  const Client = Object.entries(classes).find(([name]) => name.endsWith("Client") && !name.startsWith("__"))?.[1];
  const Command = classes[`${operation}Command`];
  assert.ok(Client !== undefined && Command !== undefined && answer !== undefined);
  const bytes = Buffer.from(answer.body as string);
  const handle = async (): Promise<unknown> => ({
    response: new HttpResponse({
      statusCode: answer.status,
      headers: answer.headers,
      body: Readable.from(bytes.length > 0 ? [bytes] : []),
    }),
  });
  const made = new Client({
    region: "us-east-1",
    credentials: { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" },
    maxAttempts: 1,
    requestHandler: {
      metadata: { handlerProtocol: "http/1.1" },
      handle,
      destroy: () => undefined,
      httpHandlerConfigs: () => ({}),
      updateHttpClientConfig: () => undefined,
    },
    ...options,
  }) as { send(command: unknown): Promise<unknown> };
  return made.send(new Command(input)).then(
    () => assert.fail("the call should have failed"),
    (error: unknown) => error as Failure,
  );
}

const textOf = ({ body }: Answer): string => (typeof body === "string" ? body : assert.fail("not a text"));
const faultOf = (model: string, sent: Parameters<typeof request>, facts: FaultFacts): Answer => {
  const answer = openWire(model)
    .match(request(...sent))
    ?.fault(facts, ID);
  assert.ok(answer !== undefined);
  return answer;
};

void test("S3 writes details into the error document, and none for HEAD", () => {
  const facts = { code: "NoSuchKey", message: "The specified key does not exist.", detail: { Key: "a<b" } };
  const answer = faultOf("s3", ["GET", "/b/a%3Cb"], facts);
  assert.equal(answer.status, 404);
  assert.match(
    textOf(answer),
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<Error><Code>NoSuchKey<\/Code><Message>The specified key does not exist\.<\/Message><Key>a&lt;b<\/Key><RequestId>11111111-[^<]+<\/RequestId><HostId>[^<]+<\/HostId><\/Error>$/,
  );
  assert.equal(answer.headers["x-amz-request-id"], ID);
  assert.equal(faultOf("s3", ["HEAD", "/b/a%3Cb"], facts).body, "");
  assert.equal(faultOf("s3", ["GET", "/b/k"], { code: "NotModified", message: "Not Modified", status: 304 }).body, "");
});

void test("a status given wins over the model's, and codes that no model declares have AWS's", () => {
  const sent: Parameters<typeof request> = ["GET", "/b/k"];
  assert.equal(faultOf("s3", sent, { code: "NoSuchKey", message: "", status: 418 }).status, 418);
  assert.equal(faultOf("s3", sent, { code: "AccessDenied", message: "" }).status, 403);
  assert.equal(faultOf("s3", sent, { code: "InternalError", message: "" }).status, 500);
  assert.equal(faultOf("s3", sent, { code: "InvalidArgument", message: "" }).status, 400);
});

void test("JSON faults carry their shape's members, and clients that knew SQS's query codes get those too", () => {
  const sfn = faultOf("sfn", CASES[1]?.sent ?? ["", ""], {
    code: "ValidationException",
    message: "no",
    detail: { reason: "API_DOES_NOT_SUPPORT_LABELED_ARNS", unknown: 1 },
  });
  assert.deepEqual(JSON.parse(textOf(sfn)), {
    __type: "ValidationException",
    message: "no",
    reason: "API_DOES_NOT_SUPPORT_LABELED_ARNS",
  });
  const sent: Parameters<typeof request> = [
    "POST",
    "/",
    { headers: { "x-amz-target": "AmazonSQS.ListQueues", "content-type": "application/x-amz-json-1.0" } },
  ];
  for (const code of ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"]) {
    const sqs = faultOf("sqs", sent, { code, message: "no" });
    assert.equal(sqs.headers["x-amzn-query-error"], "AWS.SimpleQueueService.NonExistentQueue;Sender");
    assert.equal(sqs.headers["x-amzn-errortype"], "QueueDoesNotExist");
  }
});

void test("the query protocol tells senders from receivers", () => {
  const sent: Parameters<typeof request> = ["GET", "/?Action=GetUser&Version=2010-05-08"];
  const missing = faultOf("iam", sent, { code: "NoSuchEntity", message: "The user with name x cannot be found." });
  assert.equal(missing.status, 404);
  assert.match(textOf(missing), /<Type>Sender<\/Type><Code>NoSuchEntity<\/Code>/);
  assert.match(textOf(faultOf("iam", sent, { code: "ServiceFailure", message: "x" })), /<Type>Receiver<\/Type>/);
});

void test("Lambda says in the body whose fault it was, and how long to wait in a header", () => {
  const sent: Parameters<typeof request> = ["GET", "/2015-03-31/functions/f"];
  const missing = faultOf("lambda", sent, { code: "ResourceNotFoundException", message: "Function not found" });
  assert.deepEqual(JSON.parse(textOf(missing)), { Type: "User", Message: "Function not found" });
  const slow = faultOf("lambda", sent, {
    code: "TooManyRequestsException",
    message: "Rate Exceeded.",
    detail: { retryAfterSeconds: "3" },
  });
  assert.equal(slow.headers["retry-after"], "3");
  assert.equal(slow.status, 429);
});
