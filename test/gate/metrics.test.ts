import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateBucketCommand, GetObjectCommand } from "@aws-sdk/client-s3";
import { systemClock } from "../../src/clock/system.ts";
import { sign } from "../../src/gate/sign.ts";
import { openNode } from "../../src/node.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const valueOf = (text: string, name: string): number =>
  Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.split(" ")
      .at(-1) ?? Number.NaN,
  );

void describe("metrics and health", () => {
  let stepwell: Stepwell;
  before(async () => (stepwell = await startStepwell()));
  after(() => stepwell.close());
  const ask = (path: string, headers: Record<string, string> = {}) => fetch(`${stepwell.endpoint}${path}`, { headers });

  test("health says ready and live, each also by itself", async () => {
    for (const path of ["", "/ready", "/live"]) {
      const answer = await ask(`/_stepwell/health${path}`);
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), { status: "ready", ready: true, live: true });
    }
    assert.equal((await ask("/_stepwell/health/else")).status, 403);
  });

  test("requests are counted by service, operation and status, with their latency", async () => {
    await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "counted" }));
    for (const Key of ["a", "b"])
      await assert.rejects(stepwell.as.s3.send(new GetObjectCommand({ Bucket: "counted", Key })), {
        name: "NoSuchKey",
      });
    const answer = await ask("/_stepwell/metrics");
    assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4");
    const text = await answer.text();
    assert.equal(valueOf(text, 'stepwell_requests_total{service="s3",operation="GetObject",status="404"}'), 2);
    assert.equal(valueOf(text, 'stepwell_requests_total{service="s3",operation="CreateBucket",status="200"}'), 1);
    const count = valueOf(text, 'stepwell_request_seconds_count{service="s3"}');
    assert.ok(count >= 3);
    assert.equal(valueOf(text, 'stepwell_request_seconds_bucket{service="s3",le="+Inf"}'), count);
    assert.ok(valueOf(text, "stepwell_resident_bytes") > 1e7);
    for (const line of text.trimEnd().split("\n"))
      assert.match(line, /^(# (HELP|TYPE) stepwell_\w+ .+|stepwell_\w+(\{.*\})? [\d.e+-]+)$/);
  });

  test("work that is due and not done is seen, with its age", async () => {
    const sql =
      "insert into work (id, kind, key, trace, body, due_at, since, attempt, fence, leased) values ($1, 'nobody', 'k', 't', '{}', $2, 0, 1, 0, 0)";
    const { store } = stepwell.node.parts;
    await store.write((tx) => tx.run(sql, ["w1", systemClock.now() - 60_000]));
    const text = await (await ask("/_stepwell/metrics")).text();
    assert.equal(valueOf(text, "stepwell_work_due"), 1);
    assert.ok(valueOf(text, "stepwell_work_oldest_seconds") >= 60);
    await store.write((tx) => tx.run("delete from work where id = 'w1'"));
  });

  test("on an address that others reach, metrics need the token or a signature", async () => {
    const data = mkdtempSync(join(tmpdir(), "stepwell-metrics-"));
    const node = await openNode({
      data,
      account: "123456789012",
      region: "us-east-1",
      auth: "on",
      clock: systemClock,
      log: () => undefined,
      trailFlushMs: 60_000,
      metricsToken: "let-me-see",
    });
    try {
      // A name for loopback that counts as reachable, so that the test itself opens nothing to the world.
      const { port } = await node.listen("::ffff:127.0.0.1", 0);
      const url = new URL(`http://127.0.0.1:${port}/_stepwell/metrics`);
      const status = async (headers: Record<string, string>) => (await fetch(url, { headers })).status;
      assert.equal(await status({}), 403);
      assert.equal(await status({ authorization: "Bearer let-me-se" }), 403);
      assert.equal(await status({ authorization: "Bearer let-me-see" }), 200);
      const signed = sign({
        method: "GET",
        url,
        headers: {},
        body: "",
        key: node.key,
        region: "us-east-1",
        service: "stepwell",
        at: systemClock.now(),
      });
      const answer = await fetch(url, { headers: signed });
      assert.equal(answer.status, 200);
      assert.match(await answer.text(), /^# HELP stepwell_requests_total/);
    } finally {
      await node.close();
      rmSync(data, { recursive: true, force: true });
    }
  });
});
