import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { ListStateMachinesCommand, SFNClient, SFNServiceException } from "@aws-sdk/client-sfn";
import { GetCallerIdentityCommand, STSClient, STSServiceException } from "@aws-sdk/client-sts";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { KEY, openHouse, raw, SESSION, signed, type House } from "./support.ts";

let house: House;
before(async () => {
  house = await openHouse();
});
after(() => house.close());
const settings = (credentials: typeof KEY = KEY) => ({
  endpoint: `http://127.0.0.1:${house.port}`,
  region: "us-east-1",
  credentials,
  maxAttempts: 1,
});

void test("official clients of all three families pass the gate, with and without a session", async () => {
  for (const credentials of [KEY, SESSION]) {
    const s3 = new S3Client(settings(credentials));
    const put = await s3.send(new PutObjectCommand({ Bucket: "b", Key: "ä (1)'!*.txt", Body: "hello" }));
    assert.equal(put.ETag, '"1"');
    const got = await s3.send(new GetObjectCommand({ Bucket: "b", Key: "ä (1)'!*.txt" }));
    assert.equal(await got.Body?.transformToString(), "hello");
    const sts = new STSClient(settings(credentials));
    assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Account, "111122223333");
    const sfn = new SFNClient(settings(credentials));
    assert.deepEqual((await sfn.send(new ListStateMachinesCommand({}))).stateMachines, []);
    for (const client of [s3, sts, sfn]) client.destroy();
  }
});

void test("bodies in every form that the S3 client has: bytes, unknown source, checksum in a trailer", async () => {
  const s3 = new S3Client(settings());
  const stream = Readable.from(Array.from({ length: 20 }, () => Buffer.from("streamed ".repeat(1_000))));
  await s3.send(
    new PutObjectCommand({
      Bucket: "b",
      Key: "stream",
      Body: stream,
      ContentLength: 180_000,
      ChecksumAlgorithm: "CRC32",
    }),
  );
  assert.equal(house.objects.get("b/stream")?.length, 180_000);
  assert.ok(house.trailers["x-amz-checksum-crc32"], "the trailer arrived");
  for (const ChecksumAlgorithm of ["CRC32", "SHA1", "SHA256"] as const) {
    const deleted = await s3.send(
      new DeleteObjectsCommand({ Bucket: "b", ChecksumAlgorithm, Delete: { Objects: [{ Key: "x" }] } }),
    );
    assert.deepEqual(deleted.Deleted, [{ Key: "x" }], ChecksumAlgorithm);
  }
  s3.destroy();
});

void test("the digest of a document is checked", async () => {
  const body = "<Delete><Object><Key>x</Key></Object></Delete>";
  const send = (headers: Record<string, string>): Promise<string> =>
    raw(house.port, signed(house.port, "POST", "/b?delete", { headers, body }));
  const md5 = Buffer.from(await crypto.subtle.digest("SHA-1", Buffer.from(body)))
    .subarray(0, 16)
    .toString("base64");
  assert.match(await send({ "content-md5": md5 }), /400[^]*<Code>BadDigest<\/Code>/);
  assert.match(await send({ "content-md5": "zzz" }), /400[^]*<Code>InvalidDigest<\/Code>/);
  assert.match(await send({ "x-amz-checksum-crc32": "AAAAAA==" }), /400[^]*<Code>BadDigest<\/Code>/);
  assert.match(await send({ "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=" }), /400[^]*<Code>BadDigest<\/Code>/);
});

void test("presigned URLs work until they are changed or expire", async () => {
  const s3 = new S3Client(settings(SESSION));
  const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket: "b", Key: "signed url.txt" }), { expiresIn: 60 });
  assert.equal((await fetch(url, { method: "PUT", body: "by url" })).status, 200);
  assert.equal(house.objects.get("b/signed url.txt")?.toString(), "by url");
  assert.equal(house.finished.at(-1)?.source.signature, "QueryString");
  const get = await getSignedUrl(
    s3,
    new GetObjectCommand({ Bucket: "b", Key: "signed url.txt", ResponseContentType: "text/x" }),
    { expiresIn: 60 },
  );
  assert.equal(await (await fetch(get)).text(), "by url");
  for (const [from, to] of [
    ["signed%20url", "other%20url"],
    ["text%2Fx", "text%2Fy"],
    ["X-Amz-Expires=60", "X-Amz-Expires=61"],
  ] as const) {
    assert.ok(get.includes(from));
    const answer = await fetch(get.replace(from, to));
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /SignatureDoesNotMatch/);
  }
  assert.equal((await fetch(get, { method: "DELETE" })).status, 501, "no handler, and no permission by another method");
  const past = await getSignedUrl(s3, new GetObjectCommand({ Bucket: "b", Key: "signed url.txt" }), {
    expiresIn: 60,
    signingDate: new Date(Date.now() - 120_000),
  });
  const expired = await fetch(past);
  assert.equal(expired.status, 403);
  assert.match(await expired.text(), /<Code>AccessDenied<\/Code><Message>Request has expired<\/Message>/);
  s3.destroy();
});

void test("refusals arrive as each client's own errors", async () => {
  const wrong = { ...KEY, secretAccessKey: "wrong" };
  const unknown = { ...KEY, accessKeyId: "AKIANOBODY" };
  const s3 = (credentials: typeof KEY): Promise<unknown> =>
    new S3Client(settings(credentials)).send(new GetObjectCommand({ Bucket: "b", Key: "none" }));
  const sts = (credentials: typeof KEY): Promise<unknown> =>
    new STSClient(settings(credentials)).send(new GetCallerIdentityCommand({}));
  const sfn = (credentials: typeof KEY): Promise<unknown> =>
    new SFNClient(settings(credentials)).send(new ListStateMachinesCommand({}));
  const rejects = (
    work: Promise<unknown>,
    type: new (...parameters: never[]) => Error,
    name: string,
    status: number,
  ): Promise<void> =>
    assert.rejects(work, (error: unknown) => {
      assert.ok(error instanceof type);
      assert.equal(error.name, name);
      assert.equal((error as unknown as { $metadata: { httpStatusCode: number } }).$metadata.httpStatusCode, status);
      return true;
    });
  await rejects(s3(KEY), NoSuchKey, "NoSuchKey", 404);
  await rejects(s3(wrong), S3ServiceException, "SignatureDoesNotMatch", 403);
  await rejects(s3(unknown), S3ServiceException, "InvalidAccessKeyId", 403);
  await rejects(sts(wrong), STSServiceException, "SignatureDoesNotMatch", 403);
  await rejects(sts(unknown), STSServiceException, "InvalidClientTokenId", 403);
  await rejects(sfn(wrong), SFNServiceException, "InvalidSignatureException", 400);
  await rejects(sfn(unknown), SFNServiceException, "UnrecognizedClientException", 400);
  house.refused.add("states:ListStateMachines");
  await rejects(sfn(KEY), SFNServiceException, "AccessDeniedException", 400);
  house.refused.clear();
});
