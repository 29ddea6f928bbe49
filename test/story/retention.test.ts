import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import type { Parts } from "../../src/flow.ts";
import type { PureWorker } from "../../src/relay/relay.ts";
import { storyOf, tell, writeStory } from "../../src/relay/story.ts";
import { openDirectory } from "../../src/store/directory.ts";
import { RETENTION_MS, trimStories } from "../../src/story/retention.ts";

test("stories leave after 90 days, at most 500 parts at once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwell-story-"));
  const { store, close } = openDirectory(folder);
  try {
    let now = systemClock.now();
    const clock = { ...systemClock, now: () => now };
    let worker: PureWorker | undefined;
    const relay = { pure: (_kind: string, given: PureWorker) => void (worker = given) };
    trimStories({ relay, clock } as unknown as Parts);
    const round = () =>
      store.write(async (transaction) =>
        worker?.(transaction, {
          id: "1",
          kind: "story.trim",
          key: "",
          trace: "",
          body: null,
          attempt: 1,
          since: 0,
        }),
      );
    const traces = Array.from({ length: 600 }, () => clock.uuid());
    await store.write(async (transaction) => {
      for (const trace of traces) tell(transaction, trace, { hop: "call", at: now, subject: "s", outcome: "ok" });
      await writeStory(transaction, clock);
    });
    const first = traces[0] ?? "";
    const last = traces.at(-1) ?? "";
    const parts = async (trace: string) => (await store.read((reader) => storyOf(reader, trace))).length;
    assert.deepEqual(await round(), { kind: "again", dueAt: now + 3_600_000 });
    assert.equal(await parts(first), 1);
    now += RETENTION_MS + 60_000;
    assert.deepEqual(await round(), { kind: "again", dueAt: now });
    assert.deepEqual([await parts(first), await parts(last)], [0, 1]);
    assert.deepEqual(await round(), { kind: "again", dueAt: now + 3_600_000 });
    assert.equal(await parts(last), 0);
  } finally {
    await close();
    rmSync(folder, { recursive: true, force: true });
  }
});
