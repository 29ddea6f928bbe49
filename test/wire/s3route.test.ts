import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpResponse } from "../../src/wire/http.ts";
import { loadModel } from "../../src/wire/model.ts";
import { openWire } from "../../src/wire/open.ts";
import { shapesOf } from "../../src/wire/shape.ts";
import { request } from "./request.ts";

const s3 = openWire("s3");
const textOf = (answer: HttpResponse | undefined): string => {
  assert.equal(typeof answer?.body, "string");
  return answer?.body as string;
};
type Headers = Readonly<Record<string, string>>;
const route = (method: string, target: string, headers: Headers = {}): string | undefined =>
  s3.match(request(method, target, { headers }))?.operation;

const ROUTES: readonly (readonly [method: string, target: string, operation: string | undefined, headers?: Headers])[] =
  [
    ["GET", "/", "ListBuckets"],
    ["GET", "/?prefix=a&max-buckets=3&x-id=ListBuckets", "ListBuckets"],
    ["GET", "/?x-id=ListDirectoryBuckets", "ListDirectoryBuckets"],
    ["PUT", "/b", "CreateBucket"],
    ["PUT", "/b/", "CreateBucket"],
    ["HEAD", "/b", "HeadBucket"],
    ["DELETE", "/b", "DeleteBucket"],
    ["GET", "/b", "ListObjects"],
    ["GET", "/b/?prefix=a&delimiter=/&marker=&max-keys=7&encoding-type=url", "ListObjects"],
    ["GET", "/b?list-type=2&prefix=", "ListObjectsV2"],
    ["GET", "/b?versions", "ListObjectVersions"],
    ["GET", "/b?uploads", "ListMultipartUploads"],
    ["GET", "/b?location", "GetBucketLocation"],
    ["POST", "/b?delete", "DeleteObjects"],
    ["PUT", "/b/k", "PutObject"],
    [
      "PUT",
      "/b/k?x-id=PutObject",
      "PutObject",
      {
        "x-amz-meta-a": "1",
        "x-amz-checksum-crc32": "x",
        "x-amz-storage-class": "STANDARD",
        "x-amz-content-sha256": "x",
      },
    ],
    ["PUT", "/b/k", "CopyObject", { "x-amz-copy-source": "b/x", "x-amz-copy-source-if-match": "e" }],
    ["PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"],
    ["PUT", "/b/k?partNumber=1&uploadId=u", "UploadPartCopy", { "x-amz-copy-source": "b/x" }],
    ["POST", "/b/k?uploads", "CreateMultipartUpload"],
    ["POST", "/b/k?uploadId=u", "CompleteMultipartUpload"],
    ["DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"],
    ["GET", "/b/k?uploadId=u&max-parts=2", "ListParts"],
    ["GET", "/b/k", "GetObject"],
    ["GET", "/b/k?versionId=v&partNumber=2&response-content-type=a", "GetObject"],
    ["HEAD", "/b/k", "HeadObject"],
    ["DELETE", "/b/k?versionId=null", "DeleteObject"],
    ["GET", "/b/k?attributes", "GetObjectAttributes", { "x-amz-object-attributes": "ETag" }],
    ["GET", "/b/k?attributes", "GetObjectAttributes"],
    ["PUT", "/b/k?tagging", "PutObjectTagging"],
    ["PUT", "/b?tagging", "PutBucketTagging"],
    ["PUT", "/b/k?annotation&annotationName=n", "PutObjectAnnotation"],
    ["PUT", "/b/k?encryption", "UpdateObjectEncryption"],
    ["PUT", "/b/k?renameObject", "RenameObject", { "x-amz-rename-source": "/x" }],
    ["GET", "/b?metrics&id=m", "GetBucketMetricsConfiguration"],
    ["GET", "/b?metrics", "ListBucketMetricsConfigurations"],
    ["DELETE", "/b?metrics&id=m", "DeleteBucketMetricsConfiguration"],
    ["DELETE", "/b?metrics", "DeleteBucketMetricsConfiguration"],
    ["POST", "/b/k?select&select-type=2", "SelectObjectContent"],
    // Presigned: the signature's parameters are nobody's, and headers may travel in the query.
    [
      "PUT",
      "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=9&X-Amz-SignedHeaders=host&X-Amz-Signature=s&x-amz-acl=private",
      "PutObject",
    ],
    ["PUT", "/b/k?x-amz-copy-source=b%2Fx&X-Amz-Signature=s", "CopyObject"],
    ["GET", "/b/k?AWSAccessKeyId=a&Signature=s&Expires=1", "GetObject"],
    // A plain read may say more than is heard; a plain write may not, and a sub-resource is never overheard.
    ["GET", "/b/page.html?v=3", "GetObject"],
    ["GET", "/b/k?newthing", undefined],
    ["GET", "/b/k?newthing=", undefined],
    ["GET", "/b/k?uploads", undefined],
    ["PUT", "/b/k?newthing", undefined],
    ["PUT", "/b/k?newthing=1", undefined],
    ["PUT", "/b/k?versionId=1", undefined],
    ["PUT", "/b/k?partNumber=1", undefined],
    ["PUT", "/b/k?uploadId=u", undefined],
    ["DELETE", "/b?newthing", undefined],
    ["DELETE", "/b/k?newthing=1", undefined],
    ["DELETE", "/b/k?acl", undefined],
    ["PUT", "/b?newthing", undefined],
    ["POST", "/b", undefined],
    ["POST", "/b/k", undefined],
    ["PATCH", "/b/k", undefined],
    ["PUT", "/b/k", undefined, { "x-amz-rename-source": "/x" }],
    ["PUT", "/b/k", undefined, { "x-amz-new-verb": "1" }],
    ["DELETE", "/b/k", undefined, { "x-amz-new-verb": "1" }],
    ["GET", "/b/k", "GetObject", { "x-amz-new-hint": "1" }],
    ["PUT", "/b?x-amz-new-verb=1", undefined],
  ];
for (const [method, target, operation, headers] of ROUTES) {
  void test(`${method} ${target} ${JSON.stringify(headers ?? {})} is ${operation ?? "nothing"}`, () => {
    assert.equal(route(method, target, headers), operation);
  });
}

void test("no operation's request, with one more sub-resource, becomes a write of another kind", () => {
  for (const operation of shapesOf(loadModel("s3")).operations.values()) {
    const [method = "", template = ""] = operation.traits.http ?? [];
    const target = `/b${template.replace("{Key+}", "k")}`;
    for (const name of ["newthing", "newthing=1"]) {
      const found = route(method, `${target}${target.includes("?") ? "&" : "?"}${name}`);
      assert.ok(found === undefined || method === "GET" || method === "HEAD", `${method} ${target} ${name}: ${found}`);
    }
  }
});

const keyOf = async (path: string): Promise<unknown> => {
  const input = await s3.match(request("GET", path))?.decode();
  return (input as { Key: string }).Key;
};

void test("keys are decoded once and never normalised", async () => {
  assert.equal(await keyOf("/b/a%2Fb"), "a/b");
  assert.equal(await keyOf("/b/a%252Fb"), "a%2Fb");
  assert.equal(await keyOf("/b//a//b"), "/a//b");
  assert.equal(await keyOf("/b/../x/./"), "../x/./");
  assert.equal(await keyOf("/b/a+b%20c"), "a+b c");
  assert.equal(await keyOf("/b/%E6%97%A5%0A%00"), "日\n\u0000");
  assert.equal(await keyOf("/b/dir/"), "dir/");
  assert.equal(await keyOf("/b/a;b=c@d:e"), "a;b=c@d:e");
  await assert.rejects(keyOf("/b/%ZZ"), { code: "InvalidURI" });
  await assert.rejects(keyOf("/b/%FF"), { code: "InvalidURI" });
});

const refused = async (
  method: string,
  target: string,
  given: { headers?: Headers; body?: string } = {},
): Promise<unknown> => s3.match(request(method, target, given))?.decode();

void test("what is missing or misspelt is refused in S3's words", async () => {
  await assert.rejects(refused("GET", "/b?list-type=2&max-keys=x"), {
    code: "InvalidArgument",
    message: "Provided max-keys not an integer or within integer range",
  });
  await assert.rejects(refused("GET", "/b/k?attributes"), {
    code: "InvalidRequest",
    message: "Missing required header for this request: x-amz-object-attributes",
  });
  await assert.rejects(refused("DELETE", "/b?metrics"), {
    code: "InvalidArgument",
    message: "Missing required parameter for this request: id",
  });
  await assert.rejects(refused("PUT", "/b?tagging"), { code: "MissingRequestBodyError" });
  await assert.rejects(refused("PUT", "/b?policy"), { code: "MissingRequestBodyError" });
  assert.throws(() => s3.validate("PutObject", { Bucket: "b" }), {
    code: "InvalidRequest",
    message: "Missing required parameter: Key",
  });
  const body = (text: string): Promise<unknown> => refused("PUT", "/b?tagging", { body: text });
  for (const bad of [
    "{}",
    "<Tagging/>",
    "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
    "<Tagging><TagSet/><New/></Tagging>",
    "<Tagging><TagSet/><TagSet/></Tagging>",
    "<Tagging><TagSet><Key>a</Key></TagSet></Tagging>",
    "<Tagging><TagSet></Tagging>",
  ]) {
    await assert.rejects(body(bad), { code: "MalformedXML", status: 400 }, bad);
  }
  await assert.rejects(
    refused("PUT", "/b?versioning", { body: "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>" }),
    { code: "MalformedXML" },
  );
  assert.deepEqual(
    await body(
      '<t:Tagging xmlns:t="http://s3.amazonaws.com/doc/2006-03-01/"><t:TagSet><t:Tag><t:Key>a</t:Key><t:Value/></t:Tag></t:TagSet></t:Tagging>',
    ),
    { Bucket: "b", Tagging: { TagSet: [{ Key: "a", Value: "" }] } },
  );
});

void test("the body of a PutObject is handed on unread", async () => {
  const sent = request("PUT", "/b/k", {
    body: "bytes",
    headers: { "content-type": "text/plain", "x-amz-meta-name": Buffer.from("naïve").toString("latin1") },
  });
  const input = (await s3.match(sent)?.decode()) as { Body: unknown; Metadata: unknown };
  assert.equal(input.Body, sent.body);
  assert.deepEqual(input.Metadata, { name: "naïve" });
});

void test("a bucket's location is the root itself, and empty for us-east-1", () => {
  const match = s3.match(request("GET", "/b?location"));
  const body = (output: object): string => textOf(match?.encode(output, "r"));
  assert.match(
    body({ LocationConstraint: "eu-west-1" }),
    /\n<LocationConstraint xmlns="http:\/\/s3\.amazonaws\.com\/doc\/2006-03-01\/">eu-west-1<\/LocationConstraint>$/,
  );
  assert.match(body({}), /"><\/LocationConstraint>$/);
});

void test("dates in documents have milliseconds, and metadata that no header can carry is encoded", () => {
  const list = s3
    .match(request("GET", "/b?list-type=2"))
    ?.encode({ Contents: [{ Key: "a\u0001b", LastModified: new Date(1_767_225_600_000) }] }, "r");
  assert.match(textOf(list), /<LastModified>2026-01-01T00:00:00\.000Z<\/LastModified>/);
  assert.match(textOf(list), /<Key>a&#x1;b<\/Key>/);
  const object = s3
    .match(request("GET", "/b/k"))
    ?.encode({ Metadata: { Name: "naïve" }, LastModified: new Date(1_767_225_600_000) }, "r");
  assert.equal(object?.headers["x-amz-meta-name"], "=?UTF-8?B?bmHDr3Zl?=");
  assert.equal(object?.headers["last-modified"], "Thu, 01 Jan 2026 00:00:00 GMT");
});

void test("a date that is none is ignored in a condition, and refused elsewhere", async () => {
  const input = (await s3
    .match(request("GET", "/b/k", { headers: { "if-modified-since": "soon" } }))
    ?.decode()) as object;
  assert.equal("IfModifiedSince" in input, false);
  await assert.rejects(refused("PUT", "/b/k", { headers: { "x-amz-object-lock-retain-until-date": "soon" } }), {
    code: "InvalidArgument",
  });
});
