import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fault } from "../../src/wire/fault.ts";
import { ACCOUNT, managed, openTrail, REGION } from "./support.ts";

type Opened = Awaited<ReturnType<typeof openTrail>>;
const refused = (work: Promise<unknown>, code: string, sentence = /./): Promise<void> =>
  assert.rejects(
    work,
    (error: { code?: string; message: string }) => error.code === code && sentence.test(error.message),
  );

void describe("trails", () => {
  let trail: Opened;
  before(async () => void (trail = await openTrail()));
  after(() => trail.close());
  const arn = `arn:aws:cloudtrail:${REGION}:${ACCOUNT}:trail/S3Event`;

  void test("CreateTrail tries the bucket as CloudTrail and echoes the trail", async () => {
    const answer = await trail.invoke("CreateTrail", {
      Name: "S3Event",
      S3BucketName: "storage",
      S3KeyPrefix: "logs",
      TagsList: [{ Key: "team", Value: "a" }],
    });
    assert.deepEqual(answer, {
      Name: "S3Event",
      S3BucketName: "storage",
      S3KeyPrefix: "logs",
      IncludeGlobalServiceEvents: true,
      IsMultiRegionTrail: false,
      TrailARN: arn,
      LogFileValidationEnabled: false,
      IsOrganizationTrail: false,
      RecursiveLogging: false,
    });
    const [probe] = trail.puts;
    assert.equal(probe?.key, `logs/AWSLogs/${ACCOUNT}/CloudTrail/`);
    assert.equal(probe?.input["ACL"], "bucket-owner-full-control");
    assert.deepEqual(probe?.as, {
      kind: "service",
      service: "cloudtrail.amazonaws.com",
      sourceArn: arn,
      account: ACCOUNT,
    });
  });

  void test("is shown by name and by ARN, with every member that tools compare", async () => {
    const { Trail } = (await trail.invoke("GetTrail", { Name: arn })) as { Trail: object };
    const { trailList } = (await trail.invoke("DescribeTrails", { trailNameList: ["S3Event", arn, "nobody"] })) as {
      trailList: object[];
    };
    assert.deepEqual(trailList, [Trail]);
    for (const member of [
      "HomeRegion",
      "LogFileValidationEnabled",
      "IsMultiRegionTrail",
      "IncludeGlobalServiceEvents",
      "IsOrganizationTrail",
      "HasCustomEventSelectors",
      "HasInsightSelectors",
      "S3KeyPrefix",
    ])
      assert.ok(member in Trail, member);
    assert.deepEqual(await trail.invoke("ListTrails"), {
      Trails: [{ TrailARN: arn, Name: "S3Event", HomeRegion: REGION }],
    });
  });

  void test("is not logging until StartLogging", async () => {
    assert.equal((await trail.invoke("GetTrailStatus", { Name: "S3Event" }))["IsLogging"], false);
    await trail.invoke("StartLogging", { Name: "S3Event" });
    const status = await trail.invoke("GetTrailStatus", { Name: "S3Event" });
    assert.equal(status["IsLogging"], true);
    assert.ok(status["StartLoggingTime"] instanceof Date);
    await trail.invoke("StopLogging", { Name: arn });
    const stopped = await trail.invoke("GetTrailStatus", { Name: "S3Event" });
    assert.equal(stopped["IsLogging"], false);
    assert.ok(stopped["StopLoggingTime"] instanceof Date);
  });

  void test("selectors: the default, then what was put, one style at a time", async () => {
    const fallback = (await trail.invoke("GetEventSelectors", { TrailName: "S3Event" })) as {
      EventSelectors: { ReadWriteType: string }[];
    };
    assert.equal(fallback.EventSelectors[0]?.ReadWriteType, "All");
    const AdvancedEventSelectors = [
      { Name: "m", FieldSelectors: [{ Field: "eventCategory", Equals: ["Management"] }] },
    ];
    await trail.invoke("PutEventSelectors", { TrailName: "S3Event", AdvancedEventSelectors });
    assert.deepEqual(await trail.invoke("GetEventSelectors", { TrailName: arn }), {
      TrailARN: arn,
      AdvancedEventSelectors,
    });
    const EventSelectors = [
      {
        ReadWriteType: "WriteOnly",
        IncludeManagementEvents: true,
        DataResources: [],
        ExcludeManagementEventSources: [],
      },
    ];
    assert.deepEqual(await trail.invoke("PutEventSelectors", { TrailName: "S3Event", EventSelectors }), {
      TrailARN: arn,
      EventSelectors,
    });
    const { Trail } = (await trail.invoke("GetTrail", { Name: "S3Event" })) as { Trail: Record<string, unknown> };
    assert.equal(Trail["HasCustomEventSelectors"], true);
  });

  void test("a trail that records its own storage bucket is warned of", async () => {
    const DataResources = [{ Type: "AWS::S3::Object", Values: ["arn:aws:s3:::storage/"] }];
    await trail.invoke("PutEventSelectors", { TrailName: "S3Event", EventSelectors: [{ DataResources }] });
    assert.ok(trail.logged.some((line) => line.includes("records its own storage bucket")));
  });

  void test("tags", async () => {
    await trail.invoke("AddTags", { ResourceId: arn, TagsList: [{ Key: "b", Value: "2" }, { Key: "c" }] });
    await trail.invoke("RemoveTags", { ResourceId: arn, TagsList: [{ Key: "team" }] });
    assert.deepEqual(await trail.invoke("ListTags", { ResourceIdList: [arn] }), {
      ResourceTagList: [
        {
          ResourceId: arn,
          TagsList: [
            { Key: "b", Value: "2" },
            { Key: "c", Value: "" },
          ],
        },
      ],
    });
    await refused(
      trail.invoke("AddTags", { ResourceId: arn, TagsList: [{ Key: "aws:x" }] }),
      "InvalidTagParameterException",
    );
  });

  void test("UpdateTrail changes what it names; a multi-region trail is seen elsewhere but changed at home", async () => {
    await trail.invoke("UpdateTrail", { Name: "S3Event", IsMultiRegionTrail: true, S3KeyPrefix: "" });
    const elsewhere = { region: "eu-west-1" };
    const { Trail } = (await trail.invoke("GetTrail", { Name: "S3Event" }, elsewhere)) as {
      Trail: Record<string, unknown>;
    };
    assert.equal(Trail["HomeRegion"], REGION);
    assert.equal("S3KeyPrefix" in Trail, false);
    await refused(trail.invoke("StopLogging", { Name: "S3Event" }, elsewhere), "InvalidHomeRegionException");
    const { trailList } = (await trail.invoke("DescribeTrails", { includeShadowTrails: false }, elsewhere)) as {
      trailList: unknown[];
    };
    assert.deepEqual(trailList, []);
    await refused(
      trail.invoke("UpdateTrail", { Name: "S3Event", IncludeGlobalServiceEvents: false }),
      "InvalidParameterCombinationException",
    );
  });

  void test("another account does not know it", () =>
    refused(
      trail.invoke("GetTrail", { Name: arn }, { account: "999999999999" }),
      "TrailNotFoundException",
      /Unknown trail: .*S3Event for the user: 999999999999/,
    ));

  void test("DeleteTrail", async () => {
    await trail.invoke("DeleteTrail", { Name: "S3Event" });
    await refused(trail.invoke("GetTrailStatus", { Name: "S3Event" }), "TrailNotFoundException");
  });
});

void describe("what CreateTrail refuses", () => {
  let trail: Opened;
  before(async () => void (trail = await openTrail()));
  after(() => trail.close());
  const create = (more: object): Promise<unknown> =>
    trail.invoke("CreateTrail", { Name: "name", S3BucketName: "storage", ...more });

  void test("names", async () => {
    for (const Name of ["ab", "a b c", "-abc", "abc-", "a..b", "192.168.5.4", "x".repeat(129)])
      await refused(create({ Name }), "InvalidTrailNameException");
    await refused(trail.invoke("GetTrail", { Name: "arn:aws:s3:::x" }), "CloudTrailARNInvalidException");
    await refused(create({ S3BucketName: "No" }), "InvalidS3BucketNameException");
    await refused(create({ S3KeyPrefix: "x".repeat(201) }), "InvalidS3PrefixException");
  });
  void test("what it could not keep", async () => {
    for (const member of [
      { EnableLogFileValidation: true },
      { SnsTopicName: "t" },
      { CloudWatchLogsLogGroupArn: "arn" },
      { KmsKeyId: "k" },
      { IsOrganizationTrail: true },
      { RecursiveLogging: true },
    ])
      await refused(create(member), "UnsupportedOperationException", new RegExp(Object.keys(member)[0] ?? ""));
  });
  void test("a bucket that is not there, or does not let CloudTrail write", async () => {
    trail.refusals.set("GetBucketAcl", fault("NoSuchBucket", "The specified bucket does not exist"));
    await refused(create({}), "S3BucketDoesNotExistException", /^S3 bucket storage does not exist!$/);
    trail.refusals.delete("GetBucketAcl");
    trail.refusals.set("PutObject", fault("AccessDenied", "Access Denied"));
    await refused(
      create({}),
      "InsufficientS3BucketPolicyException",
      /^Incorrect S3 bucket policy is detected for bucket: storage$/,
    );
    trail.refusals.clear();
    assert.deepEqual(await trail.invoke("ListTrails"), { Trails: [] });
  });
  void test("a name twice, and a sixth trail in a region", async () => {
    for (let count = 1; count <= 5; count++) await create({ Name: `trail-${count}` });
    await refused(
      create({ Name: "trail-3" }),
      "TrailAlreadyExistsException",
      /Trail trail-3 already exists for customer: 123456789012/,
    );
    await refused(create({ Name: "trail-6" }), "MaximumNumberOfTrailsExceededException");
    await trail.invoke("CreateTrail", { Name: "trail-6", S3BucketName: "storage" }, { region: "eu-west-1" });
  });
});

void test("permissions are asked on the trails that a request names", async () => {
  const trail = await openTrail();
  const { input: _, ...facts } = managed("StartLogging", { service: "cloudtrail" });
  const asked = (operation: string, input: object): unknown =>
    trail.store.read(async (reader) => trail.service.access?.(operation, input as never, facts, reader));
  const arn = `arn:aws:cloudtrail:${REGION}:${ACCOUNT}:trail/abc`;
  assert.deepEqual(await asked("StartLogging", { Name: "abc" }), [
    { action: "cloudtrail:StartLogging", resource: arn },
  ]);
  assert.deepEqual(await asked("PutEventSelectors", { TrailName: arn }), [
    { action: "cloudtrail:PutEventSelectors", resource: arn },
  ]);
  assert.deepEqual(await asked("LookupEvents", {}), [{ action: "cloudtrail:LookupEvents", resource: "*" }]);
  await trail.close();
});
