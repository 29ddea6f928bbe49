import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeCbor, encodeCbor } from "../../src/wire/cbor.ts";
import { openWire } from "../../src/wire/open.ts";
import { escapeXml, parseXml } from "../../src/wire/xml.ts";
import { request, withForm } from "./request.ts";

const states = openWire("sfn");
const json = (operation: string, body: string | Uint8Array): Promise<unknown> | undefined => {
  const headers = { "x-amz-target": `AWSStepFunctions.${operation}`, "content-type": "application/x-amz-json-1.0" };
  return states.match(request("POST", "/", { headers, body }))?.decode();
};

void test("JSON of the wrong type is refused in AWS's words", async () => {
  const message = (body: string, sentence: string): Promise<void> =>
    assert.rejects(async () => json("StartExecution", body), {
      code: "SerializationException",
      status: 400,
      message: sentence,
    });
  await message('{"stateMachineArn":5}', "NUMBER_VALUE can not be converted to a String");
  await message('{"stateMachineArn":true}', "TRUE_VALUE can not be converted to a String");
  await message('{"stateMachineArn":"a","input":{}}', "Start of structure or map found where not expected.");
  await message('{"stateMachineArn":["a"]}', "Start of list found where not expected");
  await message("[]", "Expected map or null");
  await message("5", "Expected map or null");
  await assert.rejects(async () => json("ListExecutions", '{"maxResults":"5"}'), {
    message: "STRING_VALUE can not be converted to an Integer",
  });
  await assert.rejects(async () => json("ListExecutions", '{"maxResults":1.5}'), {
    message: "NUMBER_VALUE can not be converted to an Integer",
  });
  await assert.rejects(async () => json("ListExecutions", '{"maxResults":3000000000}'), {
    code: "SerializationException",
  });
  await assert.rejects(async () => json("CreateActivity", '{"name":"a","tags":{}}'), {
    message: "Expected list or null",
  });
  await assert.rejects(async () => json("StartExecution", "{"), { code: "SerializationException" });
  await assert.rejects(async () => json("StartExecution", Buffer.from([0x7b, 0xff, 0x7d])), {
    code: "SerializationException",
  });
});

void test("JSON's null is absent, and what is unknown is ignored", async () => {
  assert.deepEqual(
    await json("StartExecution", '{"stateMachineArn":"a","name":null,"other":[1],"__proto__":{"input":"x"}}'),
    { stateMachineArn: "a" },
  );
  await assert.rejects(async () => json("StartExecution", ""), { code: "ValidationException" });
});

void test("a document nested without end is refused, not followed", async () => {
  const nested = (depth: number): string => `{"stateMachineArn":"a","other":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  // What no member takes is skipped while that is cheap.
  assert.deepEqual(await json("StartExecution", nested(30_000)), { stateMachineArn: "a" });
  await assert.rejects(async () => json("StartExecution", nested(200_000)), { code: "SerializationException" });
  // Brackets in a text are no nesting.
  const text = `\\"[{${"[".repeat(100_000)}`;
  const quoted = JSON.stringify({ stateMachineArn: "a", input: text });
  assert.deepEqual(await json("StartExecution", quoted), { stateMachineArn: "a", input: text });
  const item = `${'{"L":['.repeat(1000)}${"]}".repeat(1000)}`;
  const headers = { "x-amz-target": "DynamoDB_20120810.PutItem", "content-type": "application/x-amz-json-1.0" };
  const sent = request("POST", "/", { headers, body: `{"TableName":"t","Item":{"a":${item}}}` });
  await assert.rejects(async () => openWire("dynamodb").match(sent)?.decode(), { code: "SerializationException" });
});

void test("a map's key may be __proto__", async () => {
  const headers = { "x-amz-target": "AmazonSQS.CreateQueue", "content-type": "application/x-amz-json-1.0" };
  const sent = request("POST", "/", { headers, body: '{"QueueName":"q","tags":{"__proto__":"x"}}' });
  const input = (await openWire("sqs").match(sent)?.decode()) as { tags: object };
  assert.deepEqual(Object.entries(input.tags), [["__proto__", "x"]]);
  assert.equal(Object.getPrototypeOf(input.tags), Object.prototype);
});

void test("XML is parsed without document types, entities of its own, or end", () => {
  const refused = (xml: string): void => assert.throws(() => parseXml(xml), { name: "Malformed" }, xml.slice(0, 80));
  refused('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>');
  refused('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>');
  refused("<a>&lol;</a>");
  refused("<a>&#0;</a>");
  refused("<a>&#xD800;</a>");
  refused("<a>& b</a>");
  refused("<a><b></a></b>");
  refused("<a></a><b/>");
  refused("<a/>text");
  refused("<a");
  refused("<a b=c/>");
  refused('<a b="1" b="2"/>');
  refused("<1a/>");
  refused("<a><![CDATA[x</a>");
  refused("<a><!-- x</a>");
  refused("");
  refused("plain");
  refused("<a>".repeat(1000) + "</a>".repeat(1000));
  refused(`<a>${"<b/>".repeat(300_000)}</a>`);
  const parsed = parseXml(
    '\ufeff<?xml version="1.0"?><!-- c --><n:a x:y="&lt;1&quot;"> <![CDATA[<&>]]>&amp;&#65;&#x1F600;<b/><b>2</b></n:a>\n',
  );
  assert.equal(parsed.name, "a");
  assert.equal(parsed.text, " <&>&A😀");
  assert.equal(parsed.attributes?.get("x:y"), '<1"');
  assert.deepEqual(
    parsed.children.get("b")?.map((each) => each.text),
    ["", "2"],
  );
});

void test("what is escaped is read back", () => {
  const text = fc.string({ unit: "binary" }).filter((each) => !each.includes("\u0000") && each.isWellFormed());
  fc.assert(
    fc.property(text, (each) => assert.equal(parseXml(`<a>${escapeXml(each)}</a>`).text, each)),
    { seed: 1 },
  );
});

void test("CBOR comes back as it went", () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.array(tie("any"), { maxLength: 5 }),
      fc.dictionary(fc.string(), tie("any"), { noNullPrototype: true, maxKeys: 5 }),
    ),
  })).any;
  const same = (each: unknown): unknown =>
    each instanceof Uint8Array
      ? [...each]
      : Array.isArray(each)
        ? each.map(same)
        : typeof each === "object" && each !== null
          ? Object.entries(each).map(([key, one]) => [key, same(one)])
          : each;
  fc.assert(
    fc.property(value, (each) => assert.deepEqual(same(decodeCbor(encodeCbor(each))), same(each))),
    { seed: 2 },
  );
  assert.deepEqual(decodeCbor(encodeCbor(new Date(1_790_000_000_123))), new Date(1_790_000_000_123));
});

void test("CBOR's other spellings are read, by RFC 8949's examples", () => {
  const read = (hex: string): unknown => decodeCbor(Buffer.from(hex, "hex"));
  assert.equal(read("f93c00"), 1);
  assert.equal(read("f97bff"), 65504);
  assert.equal(read("f90001"), 5.960464477539063e-8);
  assert.equal(read("f97c00"), Infinity);
  assert.equal(read("fa47c35000"), 100000);
  assert.equal(read("1bffffffffffffffff"), 18446744073709551615n);
  assert.equal(read("c249010000000000000000"), 18446744073709551616n);
  assert.equal(read("3903e7"), -1000);
  assert.deepEqual(read("c11a514b67b0"), new Date(1363896240000));
  assert.deepEqual(read("c1fb41d452d9ec200000"), new Date("2013-03-21T20:04:00.500Z"));
  assert.deepEqual(read("9f018202039f0405ffff"), [1, [2, 3], [4, 5]]);
  assert.deepEqual(read("bf61610161629f0203ffff"), { a: 1, b: [2, 3] });
  assert.equal(read("7f657374726561646d696e67ff"), "streaming");
  assert.deepEqual(read("5f42010243030405ff"), Buffer.from([1, 2, 3, 4, 5]));
  assert.equal(read("f7"), null);
});

void test("CBOR that lies about itself is refused", () => {
  for (const hex of [
    "",
    "9bffffffffffffffff",
    "5affffffff00",
    "7a7fffffff61",
    "bf61",
    "a1",
    "ff",
    "81ff",
    "1c",
    "f8ff",
    "a10102",
    "0000",
    "61ff",
    "7f01ff",
    "c1f97c00",
    "81".repeat(5000),
  ]) {
    assert.throws(() => decodeCbor(Buffer.from(hex, "hex")), { name: "Malformed" }, hex.slice(0, 40));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeCbor(bytes);
      } catch (error) {
        assert.equal((error as Error).name, "Malformed");
      }
    }),
    { seed: 3, numRuns: 2000 },
  );
});

const form = async (model: string, path: string, body: string): Promise<unknown> => {
  const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  return openWire(model)
    .match(await withForm(request("POST", path, { headers, body })))
    ?.decode();
};

void test("the query protocol is heard by POST and by GET", async () => {
  const expected = {
    RoleArn: "arn:aws:iam::123456789012:role/r",
    RoleSessionName: "s+1",
    Tags: [
      { Key: "k", Value: "v" },
      { Key: "l", Value: "" },
    ],
    DurationSeconds: 900,
  };
  const fields =
    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&RoleSessionName=s%201&DurationSeconds=900&Tags.member.2.Key=l&Tags.member.2.Value=&Tags.member.1.Key=k&Tags.member.1.Value=v";
  await assert.rejects(form("sts", "/", fields), { code: "ValidationError" });
  const valid = fields.replace("s%201", "s1");
  assert.deepEqual(await form("sts", "/", valid), { ...expected, RoleSessionName: "s1" });
  const got = openWire("sts").match(request("GET", `/?${valid}&X-Amz-Signature=s`));
  assert.deepEqual(await got?.decode(), { ...expected, RoleSessionName: "s1" });
  assert.equal(openWire("sts").match(request("GET", "/?Action=AssumeRole&Version=2010-05-08")), undefined);
  await assert.rejects(form("sts", "/", valid.replace("=900", "=x")), { code: "MalformedInput" });
  await assert.rejects(form("sts", "/", `${valid}&${"a.".repeat(50)}=1`), { code: "MalformedQueryString" });
  await assert.rejects(form("sts", "/", valid + "&a=1".repeat(10_001)), { code: "MalformedQueryString" });
});

void test("SQS is heard in the query protocol of its older clients", async () => {
  const sent =
    "Action=SendMessage&Version=2012-11-05&QueueUrl=http%3A%2F%2Flocalhost%2F123456789012%2Fq&MessageBody=hi&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=v";
  assert.deepEqual(await form("sqs", "/123456789012/q", sent), {
    QueueUrl: "http://localhost/123456789012/q",
    MessageBody: "hi",
    MessageAttributes: { n: { DataType: "String", StringValue: "v" } },
  });
  const match = openWire("sqs").match(request("GET", "/?Action=ReceiveMessage&Version=2012-11-05"));
  assert.equal(
    match?.encode({ Messages: [{ MessageId: "m", Attributes: { SenderId: "a" } }] }, "r").body,
    '<ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><ReceiveMessageResult><Message><MessageId>m</MessageId><Attribute><Name>SenderId</Name><Value>a</Value></Attribute></Message></ReceiveMessageResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ReceiveMessageResponse>',
  );
});
