import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as S3 from "@aws-sdk/client-s3";
import * as Iam from "@aws-sdk/client-iam";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";
import { accountAnswer } from "../../src/iam/account-endpoint.ts";

const code = (name: string) => (error: unknown) => (assert.equal((error as Error).name, name), true);

for (const store of stores)
  void describe(`S3 buckets on ${store.name}`, () => {
    let stepwell: Stepwell;
    let s3: S3.S3Client;
    before(async () => {
      stepwell = await startStepwell(store);
      s3 = stepwell.as.s3;
    });
    after(() => stepwell.close());
    const create = (Bucket: string, region?: string, constraint?: string) =>
      (region ? stepwell.client(stepwell.key, region).s3 : s3).send(
        new S3.CreateBucketCommand({
          Bucket,
          ...(constraint ? { CreateBucketConfiguration: { LocationConstraint: constraint as "eu-west-1" } } : {}),
        }),
      );

    void test("names and places follow AWS's rules", async () => {
      for (const name of [
        "ab",
        "UPPER",
        "a_b",
        "-ab",
        "ab-",
        "a..b",
        "192.168.5.4",
        "xn--abc",
        "abc-s3alias",
        "x".repeat(64),
      ])
        await assert.rejects(create(name), code("InvalidBucketName"), name);
      await create("my.bucket-1");
      await create("my.bucket-1");
      await create("abroad", "eu-west-1", "eu-west-1");
      await assert.rejects(create("abroad", "eu-west-1", "eu-west-1"), code("BucketAlreadyOwnedByYou"));
      await assert.rejects(create("else", "eu-west-1", "eu-west-3"), code("IllegalLocationConstraintException"));
      const head = await s3.send(new S3.HeadBucketCommand({ Bucket: "abroad" }));
      assert.equal(head.BucketRegion, "eu-west-1");
      const where = (Bucket: string) => s3.send(new S3.GetBucketLocationCommand({ Bucket }));
      assert.deepEqual(
        [(await where("abroad")).LocationConstraint, (await where("my.bucket-1")).LocationConstraint],
        ["eu-west-1", undefined],
      );
      const page = await s3.send(new S3.ListBucketsCommand({ MaxBuckets: 1 }));
      assert.deepEqual(
        page.Buckets?.map(({ Name }) => Name),
        ["abroad"],
      );
      const next = await s3.send(new S3.ListBucketsCommand({ ContinuationToken: page.ContinuationToken }));
      assert.deepEqual(
        next.Buckets?.map(({ Name }) => Name),
        ["my.bucket-1"],
      );
    });

    void test("a bucket that holds something stays; one that is gone is gone with what was set on it", async () => {
      const Bucket = "short-lived";
      await create(Bucket);
      await s3.send(new S3.PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: "k", Value: "v" }] } }));
      await s3.send(new S3.PutObjectCommand({ Bucket, Key: "k", Body: "x" }));
      await assert.rejects(s3.send(new S3.DeleteBucketCommand({ Bucket })), code("BucketNotEmpty"));
      await s3.send(new S3.DeleteObjectCommand({ Bucket, Key: "k" }));
      await s3.send(new S3.DeleteBucketCommand({ Bucket }));
      await assert.rejects(s3.send(new S3.PutObjectCommand({ Bucket, Key: "k", Body: "x" })), code("NoSuchBucket"));
      await create(Bucket);
      await assert.rejects(s3.send(new S3.GetBucketTaggingCommand({ Bucket })), code("NoSuchTagSet"));
    });

    void test("another account has its own buckets, and comes in only where both sides say so", async () => {
      const Bucket = "shared";
      await create(Bucket);
      await s3.send(new S3.PutObjectCommand({ Bucket, Key: "open/k", Body: "x" }));
      const other = (await accountAnswer(stepwell.node.parts, "210987654321")) as {
        accessKeyId: string;
        secretAccessKey: string;
      };
      const theirs = stepwell.client(other).s3;
      await assert.rejects(theirs.send(new S3.CreateBucketCommand({ Bucket })), code("BucketAlreadyExists"));
      const get = (Key: string) => theirs.send(new S3.GetObjectCommand({ Bucket, Key }));
      await assert.rejects(get("open/k"), code("AccessDenied"));
      const Policy = JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { AWS: "arn:aws:iam::210987654321:root" },
            Action: "s3:GetObject",
            Resource: `arn:aws:s3:::${Bucket}/open/*`,
          },
        ],
      });
      await s3.send(new S3.PutBucketPolicyCommand({ Bucket, Policy }));
      assert.equal((await s3.send(new S3.GetBucketPolicyCommand({ Bucket }))).Policy, Policy);
      assert.equal(await (await get("open/k")).Body?.transformToString(), "x");
      // A missing key is told only to those who may list.
      await assert.rejects(get("open/none"), code("AccessDenied"));
      await assert.rejects(get("closed/k"), code("AccessDenied"));
      await s3.send(new S3.DeleteBucketPolicyCommand({ Bucket }));
      await assert.rejects(get("open/k"), code("AccessDenied"));
      const wrong = new S3.PutBucketPolicyCommand({ Bucket, Policy: Policy.replace(Bucket, "elsewhere") });
      await assert.rejects(s3.send(wrong), code("MalformedPolicy"));
    });

    void test("a user's policy is asked for S3's own action names and condition keys", async () => {
      const Bucket = "for-users";
      await create(Bucket);
      const { iam } = stepwell.as;
      await iam.send(new Iam.CreateUserCommand({ UserName: "reader" }));
      const PolicyDocument = JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          { Effect: "Allow", Action: ["s3:PutObject", "s3:DeleteObject"], Resource: `arn:aws:s3:::${Bucket}/mine/*` },
          {
            Effect: "Allow",
            Action: "s3:ListBucket",
            Resource: `arn:aws:s3:::${Bucket}`,
            Condition: { StringEquals: { "s3:prefix": "mine/" } },
          },
        ],
      });
      await iam.send(new Iam.PutUserPolicyCommand({ UserName: "reader", PolicyName: "p", PolicyDocument }));
      const { AccessKey } = await iam.send(new Iam.CreateAccessKeyCommand({ UserName: "reader" }));
      const user = stepwell.client({
        accessKeyId: AccessKey?.AccessKeyId ?? "",
        secretAccessKey: AccessKey?.SecretAccessKey ?? "",
      }).s3;
      await user.send(new S3.PutObjectCommand({ Bucket, Key: "mine/a", Body: "x" }));
      await assert.rejects(user.send(new S3.PutObjectCommand({ Bucket, Key: "a", Body: "x" })), code("AccessDenied"));
      await user.send(new S3.ListObjectsV2Command({ Bucket, Prefix: "mine/" }));
      await assert.rejects(user.send(new S3.ListObjectsV2Command({ Bucket })), code("AccessDenied"));
      await assert.rejects(user.send(new S3.GetObjectCommand({ Bucket, Key: "mine/a" })), code("AccessDenied"));
      const Objects = [{ Key: "mine/a" }, { Key: "a" }];
      const deleted = await user.send(new S3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      assert.deepEqual(
        [deleted.Deleted?.map(({ Key }) => Key), deleted.Errors?.map(({ Code }) => Code)],
        [["mine/a"], ["AccessDenied"]],
      );
    });

    void test("probes get AWS's defaults; notifications go to EventBridge or nowhere", async () => {
      const Bucket = "probed";
      await create(Bucket);
      const input = { Bucket };
      assert.equal((await s3.send(new S3.GetBucketVersioningCommand(input))).Status, undefined);
      assert.equal(
        (await s3.send(new S3.GetPublicAccessBlockCommand(input))).PublicAccessBlockConfiguration?.BlockPublicAcls,
        true,
      );
      assert.equal((await s3.send(new S3.GetBucketAclCommand(input))).Grants?.[0]?.Permission, "FULL_CONTROL");
      await assert.rejects(s3.send(new S3.GetBucketCorsCommand(input)), code("NoSuchCORSConfiguration"));
      const notify = (NotificationConfiguration: S3.NotificationConfiguration) =>
        s3.send(new S3.PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
      const QueueConfigurations = [
        { QueueArn: "arn:aws:sqs:us-east-1:123456789012:q", Events: ["s3:ObjectCreated:*" as const] },
      ];
      await assert.rejects(notify({ QueueConfigurations }), code("NotImplemented"));
      await notify({ EventBridgeConfiguration: {} });
      const read = () => s3.send(new S3.GetBucketNotificationConfigurationCommand(input));
      assert.deepEqual((await read()).EventBridgeConfiguration, {});
      await notify({});
      assert.equal((await read()).EventBridgeConfiguration, undefined);
    });
  });
