/** CloudTrail by the public door: official clients, real bucket policies, real log files in a real bucket. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  CreateTrailCommand,
  DescribeTrailsCommand,
  GetTrailStatusCommand,
  LookupEventsCommand,
  PutEventSelectorsCommand,
  StartLoggingCommand,
} from "@aws-sdk/client-cloudtrail";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const TRAIL_ARN = "arn:aws:cloudtrail:us-east-1:123456789012:trail/S3Event";
function policy(sourceArn: string | undefined): string {
  const service = { Service: "cloudtrail.amazonaws.com" };
  const source = sourceArn === undefined ? {} : { "aws:SourceArn": sourceArn };
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: service,
        Action: "s3:GetBucketAcl",
        Resource: "arn:aws:s3:::storage",
        ...(sourceArn === undefined ? {} : { Condition: { StringEquals: source } }),
      },
      {
        Effect: "Allow",
        Principal: service,
        Action: "s3:PutObject",
        Resource: "arn:aws:s3:::storage/AWSLogs/123456789012/*",
        Condition: { StringEquals: { "s3:x-amz-acl": "bucket-owner-full-control", ...source } },
      },
    ],
  });
}

for (const store of stores) {
  void describe(`CloudTrail by the public door, on ${store.name}`, () => {
    let stepwell: Stepwell;
    before(async () => void (stepwell = await startStepwell(store, { trailFlushMs: 50 })));
    after(() => stepwell.close());
    const create = () => stepwell.as.trail.send(new CreateTrailCommand({ Name: "S3Event", S3BucketName: "storage" }));

    void test("CreateTrail wants a bucket, and a policy that lets CloudTrail write there for this trail", async () => {
      await assert.rejects(create(), { name: "S3BucketDoesNotExistException" });
      await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "storage" }));
      await assert.rejects(create(), { name: "InsufficientS3BucketPolicyException" });
      await stepwell.as.s3.send(new PutBucketPolicyCommand({ Bucket: "storage", Policy: policy(`${TRAIL_ARN}2`) }));
      await assert.rejects(create(), { name: "InsufficientS3BucketPolicyException" });
      await stepwell.as.s3.send(new PutBucketPolicyCommand({ Bucket: "storage", Policy: policy(TRAIL_ARN) }));
      assert.equal((await create()).TrailARN, TRAIL_ARN);
      const { Contents } = await stepwell.as.s3.send(new ListObjectsV2Command({ Bucket: "storage" }));
      assert.deepEqual(
        Contents?.map(({ Key }) => Key),
        ["AWSLogs/123456789012/CloudTrail/"],
      );
      await stepwell.as.s3.send(new PutBucketPolicyCommand({ Bucket: "storage", Policy: policy(undefined) }));
      const { trailList } = await stepwell.as.trail.send(new DescribeTrailsCommand({}));
      assert.equal(trailList?.[0]?.HomeRegion, "us-east-1");
    });

    void test("an upload is in a log file, once, and the deliveries themselves are not", async () => {
      await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "watched" }));
      const DataResources = [{ Type: "AWS::S3::Object", Values: ["arn:aws:s3"] }];
      await stepwell.as.trail.send(
        new PutEventSelectorsCommand({
          TrailName: "S3Event",
          EventSelectors: [{ ReadWriteType: "WriteOnly", IncludeManagementEvents: false, DataResources }],
        }),
      );
      await stepwell.as.trail.send(new StartLoggingCommand({ Name: "S3Event" }));
      await stepwell.as.s3.send(new PutObjectCommand({ Bucket: "watched", Key: "a b/ü.png", Body: "hello" }));
      const status = await eventually(async () => {
        const now = await stepwell.as.trail.send(new GetTrailStatusCommand({ Name: "S3Event" }));
        return now.LatestDeliveryTime ? now : undefined;
      });
      assert.equal(status.LatestDeliveryError, undefined);
      // Were deliveries recorded, each flush would write another file.
      await new Promise((resolve) => setTimeout(resolve, 300));
      const { Contents = [] } = await stepwell.as.s3.send(new ListObjectsV2Command({ Bucket: "storage" }));
      const files = Contents.filter(({ Key }) => Key?.endsWith(".json.gz"));
      assert.equal(files.length, 1);
      const file = await stepwell.as.s3.send(new GetObjectCommand({ Bucket: "storage", Key: files[0]?.Key }));
      assert.equal(file.ContentType, "application/json");
      assert.equal(file.ContentEncoding, "gzip");
      const { Records } = JSON.parse(
        gunzipSync(Buffer.from((await file.Body?.transformToByteArray()) ?? [])).toString(),
      ) as { Records: Record<string, unknown>[] };
      assert.equal(Records.length, 1);
      assert.equal((Records[0]?.["requestParameters"] as { key: string } | undefined)?.key, "a b/ü.png");
      assert.equal(Records[0]?.["eventName"], "PutObject");
      assert.ok(stepwell.logged.some(({ message }) => message.includes("records its own storage bucket")));
    });

    void test("LookupEvents knows the calls that made all this", async () => {
      const { Events } = await stepwell.as.trail.send(
        new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: "EventName", AttributeValue: "CreateTrail" }] }),
      );
      assert.equal(Events?.length, 4);
      const codes = Events?.map(
        ({ CloudTrailEvent }) => (JSON.parse(CloudTrailEvent ?? "{}") as { errorCode?: string }).errorCode,
      );
      assert.deepEqual(codes, [
        undefined,
        "InsufficientS3BucketPolicyException",
        "InsufficientS3BucketPolicyException",
        "S3BucketDoesNotExistException",
      ]);
      assert.equal(Events?.[0]?.Resources?.[0]?.ResourceName, TRAIL_ARN);
      const puts = await stepwell.as.trail.send(
        new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: "EventName", AttributeValue: "PutObject" }] }),
      );
      assert.deepEqual(puts.Events, []);
    });
  });
}
