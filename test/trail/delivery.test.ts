import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fault } from "../../src/wire/fault.ts";
import { ACCOUNT, finished, openTrail, REGION, watch, type Put } from "./support.ts";

type Opened = Awaited<ReturnType<typeof openTrail>>;

void describe("log files", () => {
  let trail: Opened;
  beforeEach(async () => {
    trail = await openTrail({ flushMs: 20 });
    await watch(trail, ["arn:aws:s3:::b/"]);
    trail.puts.length = 0;
  });
  afterEach(() => trail.close());
  const until = async (done: () => boolean | Promise<boolean>): Promise<void> => {
    for (const began = Date.now(); !(await done()); await new Promise((resolve) => setTimeout(resolve, 5)))
      assert.ok(Date.now() - began < 5000, "it did not happen within five seconds");
  };
  const written = (Key: string, at = Date.now()) => finished({ input: { Bucket: "b", Key }, at });
  const keysOf = (puts: readonly Put[]): unknown[] =>
    puts.flatMap(({ records }) => records.map((record) => (record["requestParameters"] as { key: string }).key));
  const pending = async (): Promise<number> =>
    (await trail.store.read((reader) => reader.all("select id from trail_pending"))).length;
  const settled = (): Promise<void> => until(async () => (await pending()) === 0);

  void test("hold exactly the records that waited, under the key that tools expect", async () => {
    await trail.finish(written("one"), written("two"));
    await settled();
    const [put] = trail.puts;
    assert.equal(trail.puts.length, 1);
    assert.deepEqual(new Set(keysOf(trail.puts)), new Set(["one", "two"]));
    assert.equal(put?.records.length, 2);
    assert.match(
      put?.key ?? "",
      new RegExp(
        `^AWSLogs/${ACCOUNT}/CloudTrail/${REGION}/\\d{4}/\\d\\d/\\d\\d/${ACCOUNT}_CloudTrail_${REGION}_\\d{8}T\\d{4}Z_[A-Za-z0-9]{16}\\.json\\.gz$`,
      ),
    );
    assert.equal(put?.bucket, "storage");
    assert.equal(put?.input["ContentType"], "application/json");
    assert.equal(put?.input["ContentEncoding"], "gzip");
    assert.equal(put?.input["ACL"], "bucket-owner-full-control");
    assert.equal((put?.as as { service: string } | undefined)?.service, "cloudtrail.amazonaws.com");
    const status = await trail.invoke("GetTrailStatus", { Name: "S3Event" });
    assert.ok(status["LatestDeliveryTime"] instanceof Date);
    assert.equal(status["LatestDeliveryError"], undefined);
    await trail.finish(written("three"));
    await settled();
    assert.deepEqual(keysOf(trail.puts.slice(1)), ["three"]);
  });

  void test("are several when many records wait, and none is empty", async () => {
    const keys = Array.from({ length: 2300 }, (_, index) => String(index));
    for (let start = 0; start < keys.length; start += 50)
      await trail.finish(...keys.slice(start, start + 50).map((Key) => written(Key)));
    await settled();
    assert.ok(
      trail.puts.length >= 3 && trail.puts.every(({ records }) => records.length > 0 && records.length <= 1000),
    );
    assert.deepEqual(new Set(keysOf(trail.puts)), new Set(keys));
    assert.equal(keysOf(trail.puts).length, keys.length);
  });

  void test("that cannot be written are tried again, and the status says why", async () => {
    trail.refusals.set("PutObject", fault("NoSuchBucket", "The specified bucket does not exist"));
    await trail.finish(written("k"));
    let status: Record<string, unknown> = {};
    await until(
      async () =>
        (status = await trail.invoke("GetTrailStatus", { Name: "S3Event" }))["LatestDeliveryError"] !== undefined,
    );
    assert.equal(status["LatestDeliveryError"], "NoSuchBucket");
    assert.equal(await pending(), 1);
    // "CloudTrail will attempt to redeliver the log files for 30 days."
    await trail.finish(written("old", Date.now() - 31 * 24 * 3_600_000));
    await until(() => trail.logged.some((line) => line.includes("given up")));
    trail.refusals.clear();
    await settled();
    assert.deepEqual(keysOf(trail.puts), ["k"]);
    assert.equal((await trail.invoke("GetTrailStatus", { Name: "S3Event" }))["LatestDeliveryError"], undefined);
  });

  void test("still come after StopLogging, and after DeleteTrail; then their work ends, and begins again with StartLogging", async () => {
    const works = async (): Promise<number> =>
      (await trail.store.read((reader) => reader.all("select id from work where kind = 'trail.deliver'"))).length;
    assert.equal(await works(), 1);
    await trail.finish(written("k"));
    await trail.invoke("StopLogging", { Name: "S3Event" });
    await settled();
    await until(async () => (await works()) === 0);
    await trail.invoke("StartLogging", { Name: "S3Event" });
    await trail.invoke("StartLogging", { Name: "S3Event" });
    assert.equal(await works(), 1);
    await trail.finish(written("last"));
    await trail.invoke("DeleteTrail", { Name: "S3Event" });
    await settled();
    await until(async () => (await works()) === 0);
    assert.deepEqual(keysOf(trail.puts), ["k", "last"]);
  });
});
