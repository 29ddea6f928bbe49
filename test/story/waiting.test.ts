/** An upload whose record waits, asked for by the public door, on every store. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { askAt } from "../../src/cli/client.ts";
import type { Story } from "../../src/story/tell.ts";
import { createBucket, createTrail } from "../../scripts/tutorial/steps.ts";
import { eventually, startStepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const SETTING = { bucket: "story-waits", account: "123456789012", region: "us-east-1", edition: "2018" } as const;
const LIMIT_MS = 30_000;

for (const kind of stores)
  void describe(`a story that waits, on ${kind.name}`, () => {
    test("says since when, and what the last try met; and goes on when it can", async () => {
      const stepwell = await startStepwell(kind);
      try {
        const { endpoint, key: signer, region } = stepwell;
        const hopOf = async (key: string, hop: string) => {
          const story = (await askAt(endpoint, signer, region, "flow", { bucket: SETTING.bucket, key })) as Story;
          return story.hops.filter((one) => one.hop === hop);
        };
        const alter = (sql: string) => stepwell.node.parts.store.write((transaction) => transaction.run(sql));
        await createBucket(stepwell.as, SETTING);
        await createTrail(stepwell.as, SETTING);
        await alter("alter table trail_pending rename to trail_away");
        const before = Date.now();
        await stepwell.as.s3.send(new PutObjectCommand({ Bucket: SETTING.bucket, Key: "a.txt", Body: "a" }));
        // On a slow machine the first try has not been made yet.
        const [hop, ...more] = await eventually(async () => {
          const hops = await hopOf("a.txt", "record");
          return hops[0]?.reason?.includes("failed") ? hops : undefined;
        }, LIMIT_MS);
        assert.deepEqual([more, hop?.outcome, hop?.subject], [[], "waiting", "s3://story-waits/a.txt"]);
        const { reason = "" } = hop ?? {};
        const [, since = "", attempt = "", failure = ""] =
          /^waiting since (\S+); attempt (\d+) is due at \S+; the last one failed: (.*)$/.exec(reason) ?? [];
        assert.ok(Date.parse(since) >= before && Date.parse(since) <= Date.now(), reason);
        assert.ok(Number(attempt) >= 2, reason);
        assert.match(failure, /trail_pending/);
        await alter("alter table trail_away rename to trail_pending");
        const recorded = await eventually(async () => {
          const [record, ...others] = await hopOf("a.txt", "record");
          return record?.outcome === "ok" && others.length === 0 ? record : undefined;
        }, LIMIT_MS);
        assert.match(recorded.subject, /S3Event/);
      } finally {
        await stepwell.close();
      }
    });
  });
