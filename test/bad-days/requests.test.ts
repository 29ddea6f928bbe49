/** Requests that are wrong, spoiled or broken off, through the real node: AWS's error and status, and nothing stored. */
import assert from "node:assert/strict";
import { globSync, mkdtempSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { crc32 } from "node:zlib";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { systemClock } from "../../src/clock/system.ts";
import { sign } from "../../src/gate/sign.ts";
import { raw } from "../gate/support.ts";
import { eventually, startStepwell, type Key, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

type Request = {
  readonly method?: string;
  readonly path?: string;
  readonly service?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The body that is sent, where it is not the one that was signed. */
  readonly sent?: string;
  /** The length that is said, where it is not that of what is sent. */
  readonly length?: number;
  readonly key?: Key;
  readonly at?: number;
};
const BUCKET = "bad-days";
const XML = { "content-type": "application/xml" };
const JSON_1_0 = { "content-type": "application/x-amz-json-1.0" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const STREAM = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

for (const store of stores) {
  describe(`bad requests on ${store.name}`, () => {
    let stepwell: Stepwell;
    let port: number;
    const data = mkdtempSync(join(tmpdir(), "stepwell-bad-"));
    before(async () => {
      stepwell = await startStepwell(store, { data });
      port = Number(new URL(stepwell.endpoint).port);
      await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
      await stepwell.as.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "kept", Body: "old" }));
    });
    after(() => stepwell.close());

    /** The bytes of a signed request. */
    function bytesOf(request: Request): string {
      const { method = "PUT", path = `/${BUCKET}/no`, service = "s3", headers = {}, body = "" } = request;
      const url = new URL(`http://127.0.0.1:${port}${path}`);
      const key = request.key ?? stepwell.key;
      const at = request.at ?? systemClock.now();
      const signed = sign({ method, url, headers, body, key, region: "us-east-1", service, at });
      const sent = request.sent ?? body;
      const all = { host: url.host, connection: "close", ...headers, ...signed };
      const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
      const length = request.length ?? Buffer.byteLength(sent);
      return `${method} ${path} HTTP/1.1\r\n${lines.join("")}content-length: ${length}\r\n\r\n${sent}`;
    }
    async function refused(request: Request, status: number, code: string | RegExp): Promise<void> {
      const answer = await raw(port, bytesOf(request), 8_000);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), answer);
      assert.match(answer, typeof code === "string" ? new RegExp(`\\b${code}\\b`) : code);
      await nothingStored();
    }
    async function nothingStored(): Promise<void> {
      const { s3 } = stepwell.as;
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }));
      assert.deepEqual(
        Contents.map(({ Key }) => Key),
        ["kept"],
      );
      const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
      assert.deepEqual(Uploads, []);
      const kept = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: "kept" }));
      assert.equal(await kept.Body?.transformToString(), "old");
      // What came of a body that was refused leaves the disk, too.
      await eventually(async () => (blobFiles().length === 0 ? true : undefined));
    }
    const blobFiles = (): string[] =>
      globSync("blobs/**/*", { cwd: data })
        // The mark that says whose the place is stays.
        .filter((path) => path !== "blobs/installation" && statSync(join(data, path)).isFile());

    test("wrong secrets, unknown keys, and times that are past or to come", async () => {
      const { accessKeyId } = stepwell.key;
      const hour = 3_600_000;
      await refused({ body: "x", key: { accessKeyId, secretAccessKey: "wrong" } }, 403, "SignatureDoesNotMatch");
      await refused(
        { body: "x", key: { accessKeyId: "AKIAUNKNOWN", secretAccessKey: "x" } },
        403,
        "InvalidAccessKeyId",
      );
      await refused({ body: "x", at: systemClock.now() - hour }, 403, "RequestTimeTooSkewed");
      await refused({ body: "x", at: systemClock.now() + hour }, 403, "RequestTimeTooSkewed");
      await refused({ body: "x", key: { ...stepwell.key, sessionToken: "made up" } }, 400, /InvalidToken/);
      const path = `/${BUCKET}/no?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0`;
      assert.match(
        await raw(port, `PUT ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`),
        /^HTTP\/1.1 400 [^]*AuthorizationQueryParametersError/,
      );
      assert.match(
        await raw(port, `PUT /${BUCKET}/no HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx`),
        /^HTTP\/1.1 403 [^]*AccessDenied/,
      );
      const old = `/${BUCKET}/no?AWSAccessKeyId=${accessKeyId}&Signature=x&Expires=9999999999`;
      assert.match(
        await raw(port, `PUT ${old} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`),
        /^HTTP\/1.1 400 [^]*InvalidRequest[^]*Please use AWS4-HMAC-SHA256/,
      );
      await nothingStored();
      const target = { ...JSON_1_0, "x-amz-target": "AWSStepFunctions.ListStateMachines" };
      const wrong = { accessKeyId, secretAccessKey: "wrong" };
      await refused(
        { method: "POST", path: "/", service: "states", headers: target, body: "{}", key: wrong },
        400,
        "InvalidSignatureException",
      );
    });

    test("documents that cannot be read", async () => {
      for (const body of [
        "<Delete><Object>",
        "no xml",
        '<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>',
        "<Other/>",
      ])
        await refused({ method: "POST", path: `/${BUCKET}?delete`, headers: XML, body }, 400, "MalformedXML");
      await refused({ method: "PUT", path: `/${BUCKET}?policy`, body: "{" }, 400, "MalformedPolicy");
      const target = (name: string) => ({ ...JSON_1_0, "x-amz-target": name });
      const states = { method: "POST", path: "/", service: "states" };
      for (const body of ["{", "[]", '{"name":', '{"name":1}', `${"[".repeat(50_000)}`])
        await refused(
          { ...states, headers: target("AWSStepFunctions.StartExecution"), body },
          400,
          /SerializationException|ValidationException/,
        );
      await refused(
        { ...states, headers: target("AWSStepFunctions.Nothing"), body: "{}" },
        400,
        "UnknownOperationException",
      );
      const events = {
        method: "POST",
        path: "/",
        service: "events",
        headers: { ...target("AWSEvents.PutEvents"), "content-type": "application/x-amz-json-1.1" },
      };
      await refused({ ...events, body: "{" }, 400, "SerializationException");
      await refused({ ...events, body: '{"Entries":[]}' }, 400, "ValidationException");
      const iam = { method: "POST", path: "/", service: "iam", headers: FORM };
      for (const body of [
        "Action=CreateRole&Version=2010-05-08",
        "Action=CreateUser&Version=2010-05-08&UserName=a%2Fb%20c",
      ])
        await refused({ ...iam, body }, 400, "ValidationError");
      await refused({ ...iam, body: "Action=Bogus&Version=2010-05-08" }, 400, "InvalidAction");
      await refused({ ...iam, body: "%%%" }, 404, "MalformedQueryString");
    });

    test("bodies that are too large, too short, or not what was said of them", async () => {
      const large = "x".repeat(3 * 1024 * 1024);
      const target = { ...JSON_1_0, "x-amz-target": "AWSStepFunctions.StartExecution" };
      await refused(
        { method: "POST", path: "/", service: "states", headers: target, body: large },
        413,
        "RequestEntityTooLargeException",
      );
      await refused(
        { method: "POST", path: `/${BUCKET}?delete`, headers: XML, body: large + large },
        400,
        /EntityTooLarge|MaxMessageLengthExceeded|MalformedXML/,
      );
      await refused({ length: 6 * 1024 ** 3, sent: "x" }, 400, "EntityTooLarge");
      await refused({ body: "x".repeat(200_000), sent: "y".repeat(200_000) }, 400, "XAmzContentSHA256Mismatch");
      await refused({ body: "x", headers: { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" } }, 400, "BadDigest");
      await refused({ body: "x", headers: { "content-md5": "!" } }, 400, "InvalidDigest");
      for (const [name, value] of [
        ["crc32", "AAAAAA=="],
        ["crc32c", "AAAAAA=="],
        ["sha1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="],
      ] as const)
        await refused({ body: "x".repeat(200_000), headers: { [`x-amz-checksum-${name}`]: value } }, 400, "BadDigest");
      await refused({ body: "x", headers: { "x-amz-checksum-crc32": "short" } }, 400, "InvalidRequest");
    });

    test("chunks that are cut, spoiled or lie about their length", async () => {
      const chunked = (sent: string, decoded: number): Request => ({
        headers: {
          "x-amz-content-sha256": STREAM,
          "x-amz-decoded-content-length": String(decoded),
          "x-amz-trailer": "x-amz-checksum-crc32",
          "content-encoding": "aws-chunked",
        },
        sent,
      });
      const content = "c".repeat(100_000);
      const sum = Buffer.alloc(4);
      sum.writeUInt32BE(crc32(content));
      const trailer = `x-amz-checksum-crc32:${sum.toString("base64")}\r\n\r\n`;
      const chunk = `${content.length.toString(16)}\r\n${content}\r\n`;
      await refused(chunked(`${chunk}0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n`, content.length), 400, "BadDigest");
      await refused(chunked(`${chunk}0\r\n${trailer}`, content.length + 1), 400, /IncompleteBody|InvalidRequest/);
      await refused(chunked(`${chunk}0\r\n${trailer}`, content.length - 1), 400, /IncompleteBody|InvalidRequest/);
      await refused(chunked(chunk, content.length), 400, /IncompleteBody|MalformedTrailerError/);
      await refused(
        chunked(`zz\r\n${content}\r\n0\r\n${trailer}`, content.length),
        400,
        /IncompleteBody|InvalidRequest|InvalidChunk/,
      );
      await refused(chunked(`${chunk}0\r\n\r\n`, content.length), 400, "MalformedTrailerError");
      // The same, unspoiled, is stored: the cases above fail for their own reasons.
      const answer = await raw(
        port,
        bytesOf({ ...chunked(`${chunk}0\r\n${trailer}`, content.length), path: "/bad-days-2/ok" }),
      );
      assert.match(answer, /^HTTP\/1.1 404 [^]*NoSuchBucket/);
    });

    test("uploads that are given up", async () => {
      for (const size of [50_000, 500_000]) {
        const request = bytesOf({
          headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
          sent: "x".repeat(size),
          length: size * 2,
        });
        await new Promise<void>((resolve) => {
          const socket = connect(port, "127.0.0.1", () => {
            socket.write(request);
            setTimeout(() => socket.destroy(), 100);
          });
          socket.on("error", () => undefined);
          socket.on("close", () => resolve());
        });
        await nothingStored();
      }
    });

    test("keys that look like paths are names, and those that are none are refused", async () => {
      const { s3 } = stepwell.as;
      const outside = ["../../../outside", "..", "a/../../b", "/etc/passwd", "a\u0000b", "\u{10ffff}".repeat(256)];
      await s3.send(new CreateBucketCommand({ Bucket: "tricks" }));
      for (const Key of outside) await s3.send(new PutObjectCommand({ Bucket: "tricks", Key, Body: Key.repeat(300) }));
      for (const Key of outside) {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: "tricks", Key }));
        assert.equal(await Body?.transformToString(), Key.repeat(300));
      }
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: "tricks", EncodingType: "url" }));
      assert.equal(Contents.length, outside.length);
      assert.deepEqual(
        globSync("**/*", { cwd: data }).filter((path) => /outside|passwd/.test(path)),
        [],
      );
      await refusedKey("x".repeat(1025), "KeyTooLongError");
      for (const path of [`/${BUCKET}/%ff`, `/${BUCKET}/%zz`])
        assert.match(
          await raw(port, `PUT ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`),
          /^HTTP\/1.1 400 [^]*InvalidURI/,
        );
      assert.match(
        await raw(port, bytesOf({ path: "/..%2f..%2fetc/passwd", body: "x" })),
        /^HTTP\/1.1 404 [^]*NoSuchBucket/,
      );
    });
    async function refusedKey(Key: string, name: string): Promise<void> {
      await assert.rejects(stepwell.as.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: "x" })), { name });
    }

    test("a flood of large documents leaves memory bounded and the server answering", async () => {
      const target = { ...JSON_1_0, "x-amz-target": "AWSStepFunctions.StartExecution" };
      const request = bytesOf({
        method: "POST",
        path: "/",
        service: "states",
        headers: target,
        body: "[".repeat(1_900_000),
      });
      const atRest = process.memoryUsage().rss;
      let peak = 0;
      for (let round = 0; round < 2; round++) {
        await Promise.all(Array.from({ length: 20 }, () => raw(port, request)));
        peak = Math.max(peak, process.memoryUsage().rss);
      }
      assert.ok(peak - atRest < 600 * 1024 ** 2, `${Math.round((peak - atRest) / 1024 ** 2)} MiB`);
      await stepwell.as.s3.send(new ListBucketsCommand({}));
      assert.deepEqual(stepwell.logged, []);
    });
  });
}
