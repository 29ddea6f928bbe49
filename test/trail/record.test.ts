import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { eventOf, type Principal } from "../../src/flow.ts";
import { HIDDEN, printedDate } from "../../src/trail/members.ts";
import { eventIdAt, firstIdAt, momentOf, recipientsOf, recordOf } from "../../src/trail/record.ts";
import { ACCOUNT, finished, managed, SOURCE } from "./support.ts";

const ids = { eventId: "7a0c3e55-6a1f-4c58-9b1e-2f6f4d7c9e10", recipient: ACCOUNT };
const BUCKET = "username-sfn-tutorial";

void describe("the record of a PutObject", () => {
  const call = finished({
    input: {
      Bucket: BUCKET,
      Key: "test.png",
      ContentType: "image/png",
      SSECustomerKey: "secret",
      Metadata: { a: "b" },
    },
    output: { ETag: '"x"', ServerSideEncryption: "AES256" },
    source: { ...SOURCE, host: `${BUCKET}.s3.us-east-1.amazonaws.com`, bytesIn: 48213 },
  });

  void test("has every field of today's shape over plain HTTP", () => {
    const record = recordOf(call, ids);
    const { additionalEventData, ...rest } = record;
    assert.deepEqual(rest, {
      eventVersion: "1.11",
      userIdentity: {
        type: "IAMUser",
        principalId: "AIDAEXAMPLEUSERID0001",
        arn: "arn:aws:iam::123456789012:user/ada",
        accountId: ACCOUNT,
        accessKeyId: "AKIAIOSFODNN7EXAMPLE",
        userName: "ada",
      },
      eventTime: "2026-05-04T09:12:31Z",
      eventSource: "s3.amazonaws.com",
      eventName: "PutObject",
      awsRegion: "us-east-1",
      sourceIPAddress: "203.0.113.7",
      userAgent: "[aws-cli/2.31.0]",
      requestParameters: { bucketName: BUCKET, Host: `${BUCKET}.s3.us-east-1.amazonaws.com`, key: "test.png" },
      responseElements: { "x-amz-server-side-encryption": "AES256" },
      requestID: "C3D13FE58DE4C810",
      eventID: ids.eventId,
      readOnly: false,
      resources: [
        { type: "AWS::S3::Object", ARN: `arn:aws:s3:::${BUCKET}/test.png` },
        { accountId: ACCOUNT, type: "AWS::S3::Bucket", ARN: `arn:aws:s3:::${BUCKET}` },
      ],
      eventType: "AwsApiCall",
      managementEvent: false,
      recipientAccountId: ACCOUNT,
      eventCategory: "Data",
    });
    const extras = additionalEventData as Record<string, unknown>;
    assert.match(String(extras["x-amz-id-2"]), /^[A-Za-z0-9+/=]{20,}$/);
    assert.deepEqual(
      { ...extras, "x-amz-id-2": 0 },
      {
        SignatureVersion: "SigV4",
        bytesTransferredIn: 48213,
        SSEApplied: "Default_SSE_S3",
        AuthenticationMethod: "AuthHeader",
        "x-amz-id-2": 0,
        bytesTransferredOut: 0,
      },
    );
  });

  void test("goes into the tutorial's envelope", () => {
    const event = eventOf(recordOf(call, ids), "2c8f0d1e-71aa-4a0e-8d43-6b1b7a6f9c22");
    assert.deepEqual(
      { ...event, detail: 0 },
      {
        version: "0",
        id: "2c8f0d1e-71aa-4a0e-8d43-6b1b7a6f9c22",
        "detail-type": "AWS API Call via CloudTrail",
        source: "aws.s3",
        account: ACCOUNT,
        time: "2026-05-04T09:12:31Z",
        region: "us-east-1",
        resources: [],
        detail: 0,
      },
    );
  });

  void test("by a presigned query names the query, and neither signature nor credential", () => {
    const signedQuery = {
      "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
      "X-Amz-Date": "20181003T140740Z",
      "X-Amz-SignedHeaders": "content-type;host;x-amz-acl;x-amz-storage-class",
      "X-Amz-Expires": "300",
      "X-Amz-Signature": "00ff",
      "X-Amz-Credential": "AKIA/20181003",
      "X-Amz-Security-Token": "token",
    };
    const record = recordOf(
      finished({
        input: { Bucket: BUCKET, Key: "test.png", ACL: "private", StorageClass: "STANDARD" },
        source: { ...SOURCE, signature: "QueryString", signedQuery },
      }),
      ids,
    );
    assert.deepEqual(record["requestParameters"], {
      "X-Amz-Date": "20181003T140740Z",
      "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
      "X-Amz-SignedHeaders": "content-type;host;x-amz-acl;x-amz-storage-class",
      "X-Amz-Expires": "300",
      bucketName: BUCKET,
      Host: SOURCE.host,
      key: "test.png",
      "x-amz-acl": "private",
      "x-amz-storage-class": "STANDARD",
    });
    assert.equal((record["additionalEventData"] as Record<string, unknown>)["AuthenticationMethod"], "QueryString");
    assert.equal(record["responseElements"], null);
  });

  void test("that was denied says so", () => {
    const record = recordOf(finished({ error: { code: "AccessDenied", message: "Access Denied" } }), ids);
    assert.equal(record["errorCode"], "AccessDenied");
    assert.equal(record["errorMessage"], "Access Denied");
    assert.equal(record["responseElements"], null);
  });

  void test("names copies, parts and versions by header and query", () => {
    const copy = recordOf(
      finished({
        operation: "CopyObject",
        input: { Bucket: "b", Key: "k", CopySource: "a/x", MetadataDirective: "COPY" },
      }),
      ids,
    );
    assert.deepEqual(copy["requestParameters"], {
      bucketName: "b",
      Host: SOURCE.host,
      key: "k",
      "x-amz-copy-source": "a/x",
      "x-amz-metadata-directive": "COPY",
    });
    const part = recordOf(
      finished({ operation: "UploadPart", input: { Bucket: "b", Key: "k", UploadId: "u", PartNumber: 3 } }),
      ids,
    );
    assert.deepEqual(part["requestParameters"], {
      bucketName: "b",
      Host: SOURCE.host,
      key: "k",
      uploadId: "u",
      partNumber: "3",
    });
  });
});

void test("calls on many objects carry an ARN prefix, and go by the name that S3 gives them", () => {
  const record = recordOf(
    finished({
      operation: "ListObjectsV2",
      readOnly: true,
      input: { Bucket: "b", Prefix: "p/" },
      resources: [{ type: "AWS::S3::Bucket", arn: "arn:aws:s3:::b", account: ACCOUNT }],
    }),
    ids,
  );
  assert.equal(record.eventName, "ListObjects");
  assert.deepEqual(record["resources"], [
    { type: "AWS::S3::Object", ARNPrefix: "arn:aws:s3:::b/p/" },
    { accountId: ACCOUNT, type: "AWS::S3::Bucket", ARN: "arn:aws:s3:::b" },
  ]);
  assert.deepEqual(record["requestParameters"], { bucketName: "b", Host: SOURCE.host, "list-type": "2", prefix: "p/" });
  const policy = recordOf(
    finished({ operation: "PutBucketPolicy", input: { Bucket: "b", Policy: '{"Version":"2012-10-17"}' } }),
    ids,
  );
  assert.equal(policy.managementEvent, true);
  assert.deepEqual(policy["requestParameters"], {
    bucketName: "b",
    Host: SOURCE.host,
    policy: "",
    bucketPolicy: { Version: "2012-10-17" },
  });
});

void describe("the record of a JSON service", () => {
  void test("lowers first letters, prints dates and hides what is secret", () => {
    const record = recordOf(
      managed("StartExecution", {
        input: { stateMachineArn: "arn:m", name: "n", input: '{"a":1}' },
        output: { executionArn: "arn:e", startDate: new Date(Date.UTC(2026, 10, 22, 19, 50, 0)) },
      }),
      ids,
    );
    assert.deepEqual(record["requestParameters"], { stateMachineArn: "arn:m", name: "n", input: HIDDEN });
    assert.deepEqual(record["responseElements"], { executionArn: "arn:e", startDate: "Nov 22, 2026, 7:50:00 PM" });
    assert.equal(record["eventCategory"], "Management");
    assert.equal(record["userAgent"], "aws-cli/2.31.0");
    const key = recordOf(
      managed("CreateAccessKey", {
        eventSource: "iam.amazonaws.com",
        input: { UserName: "ada" },
        output: { AccessKey: { SecretAccessKey: "wJalr", CreateDate: "2026-11-22T00:05:09.000Z" } },
      }),
      ids,
    );
    assert.deepEqual(key["responseElements"], {
      accessKey: { secretAccessKey: HIDDEN, createDate: "Nov 22, 2026, 12:05:09 AM" },
    });
    const targets = recordOf(
      managed("PutTargets", {
        eventSource: "events.amazonaws.com",
        input: {
          Rule: "r",
          Targets: [
            {
              Id: "1",
              Arn: "arn:m",
              InputTransformer: { InputPathsMap: { Bucket: "$.b" }, InputTemplate: "<Bucket>" },
            },
          ],
        },
        output: {},
      }),
      ids,
    );
    assert.deepEqual(targets["requestParameters"], {
      rule: "r",
      targets: [
        { id: "1", arn: "arn:m", inputTransformer: { inputPathsMap: { Bucket: "$.b" }, inputTemplate: "<Bucket>" } },
      ],
    });
    assert.equal(targets["responseElements"], null);
  });

  void test("leaves out what is too large, and nulls the answers of reads", () => {
    const record = recordOf(managed("ListStateMachines", { input: { a: "x".repeat(200_000) }, output: { a: 1 } }), ids);
    assert.equal((record["requestParameters"] as Record<string, unknown>)["omitted"], true);
    assert.equal(record["responseElements"], null);
  });

  void test("shows the session that STS hands out, without its secrets", () => {
    const record = recordOf(
      managed("AssumeRole", {
        eventSource: "sts.amazonaws.com",
        readOnly: true,
        principal: { kind: "service", account: ACCOUNT, service: "events.amazonaws.com" },
        input: { RoleArn: "arn:r", RoleSessionName: "s" },
        output: {
          Credentials: { AccessKeyId: "ASIA", SecretAccessKey: "x", SessionToken: "t", Expiration: new Date(0) },
        },
      }),
      ids,
    );
    assert.deepEqual(record["userIdentity"], { type: "AWSService", invokedBy: "events.amazonaws.com" });
    assert.equal(record["sourceIPAddress"], "events.amazonaws.com");
    assert.equal(record["userAgent"], "events.amazonaws.com");
    assert.deepEqual(record["responseElements"], {
      credentials: {
        accessKeyId: "ASIA",
        secretAccessKey: HIDDEN,
        sessionToken: HIDDEN,
        expiration: "Jan 1, 1970, 12:00:00 AM",
      },
    });
  });
});

void describe("userIdentity", () => {
  const session: Principal = {
    kind: "session",
    account: ACCOUNT,
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/R/s`,
    id: "AROAX:s",
    roleArn: `arn:aws:iam::${ACCOUNT}:role/R`,
    roleName: "R",
    sessionName: "s",
    accessKeyId: "",
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    invokedBy: "events.amazonaws.com",
  };
  void test("of a session that a service made", () => {
    const record = recordOf(managed("StartExecution", { principal: session }), ids);
    assert.deepEqual(record["userIdentity"], {
      type: "AssumedRole",
      principalId: "AROAX:s",
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/R/s`,
      accountId: ACCOUNT,
      sessionContext: {
        sessionIssuer: {
          type: "Role",
          principalId: "AROAX",
          arn: `arn:aws:iam::${ACCOUNT}:role/R`,
          accountId: ACCOUNT,
          userName: "R",
        },
        attributes: { creationDate: "2026-01-02T03:04:05Z", mfaAuthenticated: "false" },
      },
      invokedBy: "events.amazonaws.com",
    });
    assert.equal(record["sourceIPAddress"], "events.amazonaws.com");
  });
  void test("of root, of nobody, and of another account's caller", () => {
    const root: Principal = {
      kind: "root",
      account: ACCOUNT,
      arn: `arn:aws:iam::${ACCOUNT}:root`,
      id: ACCOUNT,
      accessKeyId: "AKIA",
    };
    assert.deepEqual(recordOf(finished({ principal: root }), ids)["userIdentity"], {
      type: "Root",
      principalId: ACCOUNT,
      arn: root.arn,
      accountId: ACCOUNT,
      accessKeyId: "AKIA",
    });
    const nobody = recordOf(finished({ principal: { kind: "anonymous", account: "" } }), ids);
    assert.deepEqual(nobody["userIdentity"], { type: "AWSAccount", principalId: "", accountId: "ANONYMOUS_PRINCIPAL" });
    const owner = "999999999999";
    const call = finished({ resources: [{ type: "AWS::S3::Bucket", arn: "arn:aws:s3:::b", account: owner }] });
    assert.deepEqual(recipientsOf(call), [ACCOUNT, owner]);
    const seen = recordOf(call, { eventId: "e", recipient: owner, sharedEventId: "shared" });
    assert.deepEqual(seen["userIdentity"], {
      type: "AWSAccount",
      principalId: "AIDAEXAMPLEUSERID0001",
      accountId: ACCOUNT,
    });
    assert.equal(seen["sharedEventID"], "shared");
    assert.equal(seen.recipientAccountId, owner);
  });
});

void test("dates are printed as AWS prints them", () => {
  assert.equal(printedDate(Date.UTC(2026, 2, 2, 0, 0, 7)), "Mar 2, 2026, 12:00:07 AM");
  assert.equal(printedDate(Date.UTC(2026, 11, 31, 12, 59, 0)), "Dec 31, 2026, 12:59:00 PM");
});

void test("event IDs are UUIDs in the order of time, and tell their moment", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 47 }),
      fc.integer({ min: 0, max: 2 ** 47 }),
      fc.uuid({ version: 4 }),
      fc.uuid({ version: 4 }),
      (one, other, a, b) => {
        const [x, y] = [eventIdAt(one, a), eventIdAt(other, b)];
        assert.match(x, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
        assert.equal(momentOf(x), one);
        assert.ok(firstIdAt(one) <= x && x < firstIdAt(one + 1));
        if (one < other) assert.ok(x < y);
      },
    ),
    { seed: 4 },
  );
  assert.equal(momentOf("7a0c3e55-6a1f-4c58-9b1e-2f6f4d7c9e10"), undefined);
});
