import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FinishedCall, Principal } from "../../src/flow.ts";
import { storyOf } from "../../src/relay/story.ts";
import { ACCOUNT, finished, managed, openTrail, REGION, watch } from "./support.ts";

type Opened = Awaited<ReturnType<typeof openTrail>>;
const OWNER = "999999999999";
const CLOUDTRAIL: Principal = { kind: "service", account: ACCOUNT, service: "cloudtrail.amazonaws.com" };

void describe("the recorder", () => {
  let trail: Opened;
  before(async () => {
    trail = await openTrail();
    await watch(trail, ["arn:aws:s3:::b/", "arn:aws:s3:::storage/"]);
  });
  after(() => trail.close());
  const wants = (call: FinishedCall): Promise<boolean> =>
    trail.store.read((reader) => trail.recorder.wants(reader, call));
  const rows = (table: string) =>
    trail.store.read((reader) => reader.all<Record<string, string>>(`select * from ${table}`));

  void test("wants every management call, and data events that a trail selects", async () => {
    assert.equal(await wants(managed("ListStateMachines")), true);
    assert.equal(await wants(finished()), true);
    assert.equal(await wants(finished({ operation: "GetObject", readOnly: true })), false);
    assert.equal(await wants(finished({ input: { Bucket: "b2", Key: "k" } })), false);
    assert.equal(await wants(finished({ region: "eu-west-1" })), false);
    assert.equal(await wants(finished({ account: OWNER, resources: [] })), false);
  });

  void test("does not record CloudTrail's own deliveries, which would record themselves without end", async () => {
    const own = finished({ principal: CLOUDTRAIL, input: { Bucket: "storage", Key: "AWSLogs/x.json.gz" } });
    assert.equal(await wants({ ...own, principal: finished().principal }), true);
    assert.equal(await wants(own), false);
    await trail.finish(own);
    assert.equal((await rows("trail_pending")).length, 0);
  });

  void test("a selected data event waits for its log file and is one event on the default bus, told as a story", async () => {
    await trail.finish(finished({ trace: "t-put" }));
    const pending = await rows("trail_pending");
    assert.equal(pending.length, 1);
    const record = JSON.parse(pending[0]?.["record"] ?? "null") as Record<string, unknown>;
    assert.equal(record["eventID"], pending[0]?.["id"]);
    const [routed] = trail.events.splice(0);
    assert.equal(routed?.bus, `arn:aws:events:${REGION}:${ACCOUNT}:event-bus/default`);
    assert.deepEqual(routed?.event.detail, record);
    assert.equal(routed?.readOnlyManagement, false);
    const hops = await trail.store.read((reader) => storyOf(reader, "t-put"));
    assert.deepEqual(
      hops.map(({ hop, outcome }) => [hop, outcome]),
      [
        ["call", "ok"],
        ["record", "ok"],
      ],
    );
    assert.equal(hops[0]?.subject, "PutObject s3://b/k");
    assert.match(hops[1]?.subject ?? "", /trail\/S3Event$/);
    assert.equal((await rows("trail_events")).filter((row) => row["source"] === "s3.amazonaws.com").length, 0);
  });

  void test("a denied call is recorded with its error, and its story says so", async () => {
    await trail.finish(finished({ trace: "t-denied", error: { code: "AccessDenied", message: "no" } }));
    const [routed] = trail.events.splice(0);
    assert.equal(routed?.event.detail["errorCode"], "AccessDenied");
    const [call] = await trail.store.read((reader) => storyOf(reader, "t-denied"));
    assert.deepEqual([call?.outcome, call?.reason], ["dead end", "AccessDenied: no"]);
  });

  void test("several trails that select one call give one event, and a line in each one's log", async () => {
    await trail.invoke("CreateTrail", { Name: "Other", S3BucketName: "storage" });
    await trail.invoke("StartLogging", { Name: "Other" });
    const DataResources = [{ Type: "AWS::S3::Object", Values: ["arn:aws:s3"] }];
    await trail.invoke("PutEventSelectors", { TrailName: "Other", EventSelectors: [{ DataResources }] });
    const before = (await rows("trail_pending")).length;
    await trail.finish(finished());
    assert.equal((await rows("trail_pending")).length, before + 2);
    assert.equal(trail.events.splice(0).length, 1);
  });

  void test("management events go to the bus while a trail is logging; reads are marked; a service's calls are a branch of the story", async () => {
    const session: Principal = {
      kind: "session",
      account: ACCOUNT,
      arn: "arn:aws:sts::1:assumed-role/R/s",
      id: "AROAX:s",
      roleArn: "arn:r",
      roleName: "R",
      sessionName: "s",
      accessKeyId: "",
      createdAt: 0,
      invokedBy: "events.amazonaws.com",
    };
    await trail.finish(
      managed("DescribeExecution"),
      managed("StartExecution", { principal: session, trace: "t-chain", requestId: "r1" }),
    );
    const routed = trail.events.splice(0);
    assert.deepEqual(
      routed.map(({ readOnlyManagement }) => readOnlyManagement),
      [true, false],
    );
    assert.deepEqual(await trail.store.read((reader) => storyOf(reader, "t-chain")), []);
    assert.equal((await trail.store.read((reader) => storyOf(reader, "t-chain/r1"))).length, 2);
    await trail.invoke("StopLogging", { Name: "Other" });
    await trail.invoke("StopLogging", { Name: "S3Event" });
    await trail.finish(managed("DescribeExecution"), finished());
    assert.equal(trail.events.length, 0);
  });

  void test("a bucket's owner receives the record of another account's call, under a shared event ID", async () => {
    await trail.invoke("CreateTrail", { Name: "Owners", S3BucketName: "storage" }, { account: OWNER });
    const DataResources = [{ Type: "AWS::S3::Object", Values: ["arn:aws:s3:::theirs/"] }];
    await trail.invoke(
      "PutEventSelectors",
      { TrailName: "Owners", EventSelectors: [{ DataResources }] },
      { account: OWNER },
    );
    await trail.invoke("StartLogging", { Name: "Owners" }, { account: OWNER });
    await trail.finish(
      finished({
        input: { Bucket: "theirs", Key: "k" },
        resources: [{ type: "AWS::S3::Bucket", arn: "arn:aws:s3:::theirs", account: OWNER }],
      }),
    );
    const [routed, ...more] = trail.events.splice(0);
    assert.equal(more.length, 0);
    assert.equal(routed?.event.account, OWNER);
    assert.equal((routed?.event.detail["userIdentity"] as { type: string } | undefined)?.type, "AWSAccount");
    assert.match(String(routed?.event.detail["sharedEventID"]), /^[0-9a-f-]{36}$/);
  });

  void test("a call that a row carried as JSON gives the same record", async () => {
    await trail.invoke("StartLogging", { Name: "S3Event" });
    await trail.finish(JSON.parse(JSON.stringify(finished())) as FinishedCall);
    assert.equal(trail.events.splice(0)[0]?.event.time, "2026-05-04T09:12:31Z");
  });
});
