import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import { signature, signingKey, sha256, EMPTY_SHA256 } from "../../src/gate/keys.ts";
import { KEY, openHouse, raw, signed, type House } from "./support.ts";

let house: House;
before(async () => {
  house = await openHouse({ limits: { idleMs: 400, lingerMs: 300, headersMs: 1_000, documentBytes: 64 * 1024 } });
});
after(() => house.close());
const send = (
  ...parameters: Parameters<typeof signed> extends [number, ...infer Rest] ? Rest : never
): Promise<string> => raw(house.port, signed(house.port, ...parameters));
const status = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

void test("a body that is not what was signed, or not all of it, stores nothing", async () => {
  const request = signed(house.port, "PUT", "/bucket/body", { body: "hello" });
  const changed = await raw(house.port, request.replace(/hello$/, "jello"));
  assert.match(changed, /XAmzContentSHA256Mismatch/);
  const half = request.replace(/hello$/, "hel");
  assert.match(
    await raw(house.port, [half, 900]),
    /400 Bad Request[^]*RequestTimeout/,
    "a client that stops is cut off",
  );
  const ended = await new Promise<string>((resolve) => {
    let text = "";
    const socket = connect({ port: house.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("data", (part: Buffer) => (text += part.toString())).on("close", () => resolve(text));
    socket.on("end", () => socket.end());
    socket.end(half);
  });
  assert.match(
    ended,
    /400 Bad Request[^]*<Code>IncompleteBody<\/Code>/,
    "a client that closes its side early still gets an answer",
  );
  const socket = connect(house.port, "127.0.0.1", () => socket.write(half, () => socket.destroy()));
  await systemClock.sleep(100);
  assert.equal(house.objects.has("bucket/body"), false);
  assert.equal(house.finished.at(-1)?.error?.code, "IncompleteBody");
  assert.deepEqual(house.logged, []);
});

void test("a client that drips is cut off, one that is steady is not", async () => {
  const slow = signed(house.port, "PUT", "/bucket/slow", {
    headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
    length: 100,
  });
  const drip = Array.from({ length: 16 }, () => ["x", 100]).flat();
  assert.match(await raw(house.port, [slow, ...drip], 4_000), /RequestTimeout/);
  assert.equal(house.objects.has("bucket/slow"), false);
  const steady = signed(house.port, "PUT", "/bucket/steady", {
    headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
    length: 8 * 4096,
  });
  const flow = Array.from({ length: 8 }, () => ["x".repeat(4096), 100]).flat();
  assert.equal(status(await raw(house.port, [steady, ...flow], 4_000)), 200);
  assert.equal(house.objects.get("bucket/steady")?.length, 8 * 4096);
});

void test("100 Continue is said only once the headers have passed", async () => {
  const headers = { expect: "100-continue", "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
  const good = await raw(house.port, [
    signed(house.port, "PUT", "/bucket/expect", { headers, length: 5 }),
    100,
    "hello",
  ]);
  assert.match(good, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/);
  const bad = await raw(
    house.port,
    signed(house.port, "PUT", "/bucket/expect", { headers, length: 5, key: { ...KEY, secretAccessKey: "no" } }),
  );
  assert.match(bad, /^HTTP\/1\.1 403[^]*SignatureDoesNotMatch/);
  const huge = await raw(house.port, signed(house.port, "PUT", "/bucket/expect", { headers, length: 6 * 1024 ** 3 }));
  assert.match(huge, /^HTTP\/1\.1 400[^]*<Code>EntityTooLarge<\/Code>/);
});

void test("oversized documents are refused, and their sender sees the answer", async () => {
  const body = JSON.stringify({ maxResults: 1, padding: "x".repeat(200_000) });
  const headers = {
    "x-amz-target": "AWSStepFunctions.ListStateMachines",
    "content-type": "application/x-amz-json-1.0",
  };
  const answer = await send("POST", "/", { service: "states", headers, body });
  assert.match(answer, /^HTTP\/1\.1 413[^]*RequestEntityTooLargeException/);
  const chunked = signed(house.port, "POST", "/", { service: "states", headers, body }).replace(
    /content-length: \d+/,
    "transfer-encoding: chunked",
  );
  const [head = "", data = ""] = chunked.split("\r\n\r\n");
  assert.match(
    await raw(house.port, `${head}\r\n\r\n${data.length.toString(16)}\r\n${data}\r\n0\r\n\r\n`),
    /^HTTP\/1\.1 413/,
  );
});

/** A body in signed chunks as clients send it; `spoil` changes it after signing. */
function chunkedPut(key: string, data: string, spoil: (body: string) => string = (body) => body): string {
  const headers = {
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "x-amz-decoded-content-length": String(data.length),
    "x-amz-trailer": "x-amz-checksum-sha256",
    "content-encoding": "aws-chunked",
  };
  const bare = signed(house.port, "PUT", `/bucket/${key}`, { headers });
  const at = /x-amz-date: (\S+)/.exec(bare)?.[1] ?? "";
  const scope = `${at.slice(0, 8)}/eu-west-1/s3/aws4_request`;
  const secret = signingKey(KEY.secretAccessKey, at.slice(0, 8), "eu-west-1", "s3");
  let previous = /Signature=(\w+)/.exec(bare)?.[1] ?? "";
  const chunk = (part: string): string => {
    previous = signature(
      secret,
      `AWS4-HMAC-SHA256-PAYLOAD\n${at}\n${scope}\n${previous}\n${EMPTY_SHA256}\n${sha256(part)}`,
    );
    return `${part.length.toString(16)};chunk-signature=${previous}\r\n${part}${part === "" ? "" : "\r\n"}`;
  };
  let body = "";
  for (let start = 0; start < data.length; start += 8192) body += chunk(data.slice(start, start + 8192));
  body += chunk("");
  const trailer = `x-amz-checksum-sha256:${createHash("sha256").update(data).digest("base64")}\n`;
  const proof = signature(secret, `AWS4-HMAC-SHA256-TRAILER\n${at}\n${scope}\n${previous}\n${sha256(trailer)}`);
  body = spoil(`${body}${trailer.trimEnd()}\r\nx-amz-trailer-signature:${proof}\r\n\r\n`);
  return bare.replace("\r\n\r\n", `\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

void test("chunked bodies are decoded and proved; spoiled ones store nothing", async () => {
  const data = "0123456789".repeat(2_000);
  assert.equal(status(await raw(house.port, chunkedPut("chunks", data))), 200);
  assert.equal(house.objects.get("bucket/chunks")?.toString(), data);
  assert.ok(house.trailers["x-amz-checksum-sha256"]);
  const spoiled: readonly (readonly [string, RegExp])[] = [
    [chunkedPut("spoiled", data, (body) => body.replace("0123", "0124")), /SignatureDoesNotMatch/],
    [
      chunkedPut("spoiled", data, (body) => body.replace("x-amz-checksum-sha256:", "x-amz-checksum-sha256:A")),
      /SignatureDoesNotMatch/,
    ],
    [chunkedPut("spoiled", data, (body) => body.slice(0, 9_000)), /IncompleteBody/],
    [chunkedPut("spoiled", data, (body) => body.replace(";chunk-signature", ";chunk-sig")), /InvalidChunkSizeError/],
  ];
  for (const [request, code] of spoiled) assert.match(await raw(house.port, request), code);
  assert.equal(house.objects.has("bucket/spoiled"), false);
});

void test("answers stream with back-pressure; one that turns out too short breaks the connection", async () => {
  house.objects.set("bucket/large", Buffer.alloc(3_000_000, "z"));
  const large = await send("GET", "/bucket/large");
  assert.equal(large.split("\r\n\r\n")[1]?.length, 3_000_000);
  house.objects.set("bucket/short", Buffer.alloc(100, "z"));
  const short = await send("GET", "/bucket/short");
  assert.ok((short.split("\r\n\r\n")[1] ?? "").length < 100, "the client can tell that bytes are missing");
  assert.match(house.logged.pop()?.message ?? "", /broke off/);
  // A reader that stops reading is let go of.
  house.objects.set("bucket/huge", Buffer.alloc(64_000_000, "z"));
  const socket = connect(house.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(signed(house.port, "GET", "/bucket/huge"));
  await new Promise((resolve) => socket.once("readable", resolve));
  await systemClock.sleep(900);
  let received = 0;
  socket.on("data", (part: Buffer) => (received += part.length));
  await new Promise((resolve) => socket.once("close", resolve));
  assert.ok(received < 64_000_000);
});
