import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import type { Parts } from "../../src/flow.ts";
import type { Work } from "../../src/relay/relay.ts";
import { S3 } from "../../src/s3/context.ts";
import { collector, collectOrphans, discard } from "../../src/s3/garbage.ts";
import { nameBlob } from "../../src/s3/rows.ts";
import { FileBlobs } from "../../src/store/files.ts";
import type { Store } from "../../src/store/store.ts";
import { openStore, type OpenStore } from "../support/open-store.ts";
import { theStore } from "../support/the-store.ts";

void describe("blobs that no row names", () => {
  const data = mkdtempSync(join(tmpdir(), "stepwell-garbage-"));
  let opened: OpenStore;
  let store: Store;
  const blobs = new FileBlobs(join(data, "blobs"));
  const appended: Work[] = [];
  let now = systemClock.now();
  let s3: S3;
  before(async () => {
    opened = await openStore(theStore);
    ({ store } = opened);
    const append = async (_transaction: unknown, work: Work) => void appended.push(work);
    const clock = { ...systemClock, now: () => now };
    s3 = new S3({ store, blobs, clock, relay: { append } } as unknown as Parts);
  });
  after(async () => {
    await opened.close();
    rmSync(data, { recursive: true, force: true });
  });
  const write = async (text: string) =>
    (
      await blobs.write(
        (async function* () {
          yield Buffer.from(text);
        })(),
      )
    ).id;
  const kept = () =>
    readdirSync(join(data, "blobs"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort();

  void test("a discarded blob is removed later, one that is still named never", async () => {
    const [gone, named] = [await write("gone"), await write("named")];
    await store.write(async (transaction) => {
      await nameBlob(transaction, gone);
      await nameBlob(transaction, named);
      await discard(s3, transaction, "trace", [gone]);
    });
    const [work] = appended;
    assert.ok(work?.dueAt !== undefined && work.dueAt >= now + 60_000, "readers under way have time to finish");
    const body = { blobs: [gone, named] };
    await collector(s3)({ ...work, id: "1", attempt: 1, since: now, body }, new AbortController().signal);
    assert.deepEqual(kept(), [named]);
  });

  void test("what a crash left is collected when it is old, and only then", async () => {
    const before = kept();
    const orphan = await write("orphan");
    assert.equal(await collectOrphans(s3), 0);
    assert.deepEqual(kept(), [...before, orphan].sort());
    now += 2 * 3_600_000;
    assert.equal(await collectOrphans(s3), 1);
    assert.deepEqual(kept(), before);
  });
});
