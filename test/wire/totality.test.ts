/**
 * Every operation of every model, both ways: a random input goes through the real SDK client to our decoder and must
 * arrive as it was sent; a random output goes through our encoder to the real client and must arrive as it was returned.
 * `STEPWELL_ROUNDS` (2 by default) says how often, `STEPWELL_SEED` from which seed.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { test } from "node:test";
import { AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import { HttpResponse } from "@smithy/core/transport";
import { bodyOf } from "../../src/wire/body.ts";
import type { HttpRequest } from "../../src/wire/http.ts";
import { loadModel } from "../../src/wire/model.ts";
import { openWire } from "../../src/wire/open.ts";
import { shapesOf, type Operation } from "../../src/wire/shape.ts";
import { randomValue, seeded } from "./random.ts";
import { withForm } from "./request.ts";

const rounds = Number(process.env["STEPWELL_ROUNDS"] ?? 2);
const seed = Number(process.env["STEPWELL_SEED"] ?? 1);
const require = createRequire(import.meta.url);

type Case = { readonly label: string; readonly model: string; readonly client: string; readonly options?: object };
const CASES: readonly Case[] = [
  {
    label: "s3",
    model: "s3",
    client: "s3",
    options: {
      forcePathStyle: true,
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    },
  },
  ...[
    "cloudtrail",
    "eventbridge",
    "scheduler",
    "sfn",
    "iam",
    "sts",
    "lambda",
    "sns",
    "rekognition",
    "ssm",
    "cloudformation",
  ].map((model) => ({ label: model, model, client: model })),
  { label: "sfn over rpcv2Cbor", model: "sfn", client: "sfn", options: { protocol: AwsSmithyRpcV2CborProtocol } },
  { label: "logs", model: "logs", client: "cloudwatch-logs" },
  { label: "sqs", model: "sqs", client: "sqs", options: { md5: false } },
  { label: "dynamodb", model: "dynamodb", client: "dynamodb", options: { endpointDiscoveryEnabled: false } },
];

/** What is not tried, and why. */
const EXCEPTIONS: readonly { readonly operation: RegExp; readonly why: string }[] = [
  { operation: /^s3\.WriteGetObjectResponse$/, why: "is sent to a host of its own, where no bucket is in the path" },
  {
    operation: /^s3\.SelectObjectContent$|^lambda\.InvokeWithResponseStream$|^logs\.(?:StartLiveTail|GetLogObject)$/,
    why: "event streams are not spoken",
  },
];
/** Members that the client rewrites, makes up or hides, so that they cannot arrive as they were sent. */
const MEMBERS: readonly { readonly member: RegExp; readonly why: string }[] = [
  {
    member:
      /^s3\..*\.(?:ChecksumAlgorithm|ChecksumCRC32|ChecksumCRC32C|ChecksumCRC64NVME|ChecksumSHA1|ChecksumSHA256|ChecksumSHA512|ChecksumMD5|ChecksumXXHASH.*)$/,
    why: "the client computes checksums",
  },
  { member: /^s3\..*\.(?:CopySource)?SSECustomerKey(?:MD5)?$/, why: "the client hashes the key itself" },
  {
    member: /^s3\..*\.(?:ContentMD5|ContentLength)$|^s3\.(?:PutObject|UploadPart)Request\.ContentType$/,
    why: "the client says what it sends, and how long it is",
  },
  {
    member: /^eventbridge\.PutEventsRequest\.EndpointId$/,
    why: "global endpoints are signed with a library that is not installed",
  },
  { member: /^s3\.(?:GetObject|HeadObject)Output\.ExpiresString$/, why: "the client's twin of Expires" },
  { member: /^s3\.(?:GetBucketLocation)Output\.LocationConstraint$/, why: "the client rewrites EU" },
];

for (const each of CASES) {
  void test(`${each.label}: every operation there and back`, async () => {
    const random = seeded(seed);
    const client = clientOf(each);
    const tried = { operations: 0, trips: 0 };
    const failures: string[] = [];
    for (const operation of shapesOf(loadModel(each.model)).operations.values()) {
      if (EXCEPTIONS.some(({ operation: name }) => name.test(`${each.model}.${operation.name}`))) continue;
      tried.operations++;
      for (let round = 0; round < rounds; round++) {
        tried.trips++;
        try {
          await thereAndBack(each, client, operation, random);
        } catch (error) {
          failures.push(`${operation.name}: ${String((error as Error).message).slice(0, 1500)}`);
          break;
        }
      }
    }
    assert.equal(
      failures.length,
      0,
      `${failures.length} of ${tried.operations} operations fail:\n${failures.slice(0, 8).join("\n")}`,
    );
  });
}

void test("the exceptions are operations that exist", () => {
  for (const { operation } of EXCEPTIONS) {
    const names = CASES.flatMap(({ model }) =>
      [...openWire(model).operations.keys()].map((name) => `${model}.${name}`),
    );
    assert.ok(
      names.some((name) => operation.test(name)),
      String(operation),
    );
  }
});

async function thereAndBack(each: Case, client: TestClient, operation: Operation, random: () => number): Promise<void> {
  const skip = (structure: string, member: string): boolean =>
    MEMBERS.some(({ member: name }) => name.test(`${each.model}.${structure}.${member}`));
  const sent = randomValue(operation.input, random, skip) as Record<string, unknown>;
  const returned = randomValue(operation.output, random, skip) as Record<string, unknown>;
  const wire = openWire(each.model);
  let decoded: Record<string, unknown> = {};
  client.handle = async (raw) => {
    const request = await withForm(await requestOf(raw));
    const match = wire.match(request);
    assert.equal(
      match?.operation,
      operation.name,
      `${request.method} ${request.path} ${JSON.stringify(request.query)}`,
    );
    decoded = (await match?.decode()) as Record<string, unknown>;
    for (const { name, traits } of operation.input.members) {
      if (traits.streaming === 1) decoded[name] = await request.body.bytes(Infinity);
    }
    const answer = match?.encode(returned, "11111111-2222-3333-4444-555555555555");
    const bytes = Buffer.from((answer?.body ?? "") as string);
    const headers = Object.fromEntries(Object.entries(answer?.headers ?? {}));
    return {
      response: new HttpResponse({
        statusCode: answer?.status ?? 0,
        headers,
        body: Readable.from(bytes.length > 0 ? [bytes] : []),
      }),
    };
  };
  const got = await client.send(operation.name, sent);
  for (const { name, traits } of operation.output.members) {
    const stream = got[name] as { transformToByteArray(): Promise<Uint8Array> } | undefined;
    if (traits.streaming === 1 && stream !== undefined) got[name] = Buffer.from(await stream.transformToByteArray());
  }
  // Tokens that the client makes up are not what was sent.
  const made = operation.input.members
    .filter((member) => member.traits.idempotencyToken === 1 && !(member.name in sent))
    .map((member) => member.name);
  const arrived = Object.fromEntries(
    Object.entries(decoded).filter(([name]) => !made.includes(name) && !skip(operation.input.name, name)),
  );
  assert.deepEqual(plain(arrived), plain(sent), "the request");
  const statuses = operation.output.members
    .filter((member) => member.traits.httpResponseCode === 1)
    .map((member) => member.name);
  const returnedTo = Object.fromEntries(
    Object.entries(got).filter(([name]) => !statuses.includes(name) && !skip(operation.output.name, name)),
  );
  assert.deepEqual(plain(returnedTo), plain(returned), "the response");
}

type RawRequest = {
  method: string;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: unknown;
};
type TestClient = {
  handle: (raw: RawRequest) => Promise<unknown>;
  readonly send: (operation: string, input: object) => Promise<Record<string, unknown>>;
};

function clientOf(each: Case): TestClient {
  const sdk = require(`@aws-sdk/client-${each.client}`) as Record<string, new (options: object) => unknown>;
  const Client = Object.entries(sdk).find(([name]) => name.endsWith("Client") && !name.startsWith("__"))?.[1];
  assert.ok(Client !== undefined, each.client);
  const real = new Client({
    region: "us-east-1",
    endpoint: "http://127.0.0.1:1",
    credentials: { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" },
    maxAttempts: 1,
    disableHostPrefix: true,
    requestHandler: {
      metadata: { handlerProtocol: "http/1.1" },
      handle: (raw: RawRequest) => client.handle(raw),
      destroy: () => undefined,
      httpHandlerConfigs: () => ({}),
      updateHttpClientConfig: () => undefined,
    },
    ...each.options,
  }) as { send(command: unknown): Promise<Record<string, unknown>> };
  const client: TestClient = {
    handle: () => Promise.reject(new Error("nothing is being tried")),
    send(operation, input) {
      const Command = sdk[`${operation}Command`];
      assert.ok(Command !== undefined, operation);
      return real.send(new Command({ ...input }));
    },
  };
  return client;
}

async function requestOf(raw: RawRequest): Promise<HttpRequest> {
  const query: (readonly [string, string])[] = [];
  for (const [name, value] of Object.entries(raw.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value ?? ""]) query.push([name, one]);
  }
  const headers = Object.fromEntries(
    Object.entries(raw.headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
  return { method: raw.method, path: raw.path, query, headers, body: bodyOf(await bytesOf(raw.body)) };
}

async function bytesOf(body: unknown): Promise<Buffer> {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === "string" || body instanceof Uint8Array) return Buffer.from(body as string);
  return Buffer.concat(await (body as Readable).toArray());
}

/** What both sides mean the same: no undefined members, text for what carries text, no empty structures. */
function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return value.length === 0 ? {} : `bytes ${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof String) return value.toString();
  const entries = Object.entries(value)
    .filter(([name, each]) => each !== undefined && each !== null && name !== "$metadata")
    .map(([name, each]) => [name, plain(each)] as const)
    .filter(
      ([, each]) =>
        !(typeof each === "object" && each !== null && !Array.isArray(each) && Object.keys(each).length === 0),
    );
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
