import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import { touch, type Events } from "../../src/events/common.ts";
import { Registry, WINDOW } from "../../src/events/registry.ts";
import { RETENTION_MS, trimPast } from "../../src/events/retention.ts";
import { changesAfter, deadEnds, deleteRule, putDeadEnd, putRule } from "../../src/events/rows.ts";
import { defaultBus, type Event, type Parts } from "../../src/flow.ts";
import type { PureWorker } from "../../src/relay/relay.ts";
import { openDirectory } from "../../src/store/directory.ts";
import type { Store, Transaction } from "../../src/store/store.ts";

const bus = defaultBus("123456789012", "us-east-1");
const rule = (name: string) => `arn:aws:events:us-east-1:123456789012:rule/${name}`;
const event: Event = {
  version: "0",
  id: "e",
  "detail-type": "t",
  source: "s",
  account: "123456789012",
  time: "2026-05-04T09:12:31Z",
  region: "us-east-1",
  resources: [],
  detail: {},
};

/** Runs whole rounds of trimming. */
async function withTrimming(
  work: (store: Store, events: Events, round: () => Promise<void>, clock: { now: number }) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "stepwell-events-trim-"));
  const { store, close } = openDirectory(folder);
  const time = { now: systemClock.now() };
  const clock = { ...systemClock, now: () => time.now };
  let worker: PureWorker | undefined;
  const relay = { pure: (_kind: string, given: PureWorker) => void (worker = given) };
  const parts = { store, clock, relay } as unknown as Parts;
  trimPast(parts);
  const round = async (): Promise<void> => {
    let body: unknown = { bus: "", seq: 0 };
    for (let again = true; again;) {
      const claimed = { id: "1", kind: "events.trim", key: "", trace: "", body, attempt: 1, since: 0 };
      const outcome = await store.write(async (transaction) => worker?.(transaction, claimed));
      assert.equal(outcome?.kind, "again");
      if (outcome?.kind !== "again") return;
      body = outcome.body;
      again = outcome.dueAt === time.now;
    }
  };
  try {
    await work(store, { parts, registry: new Registry(), ruleQuota: 300 }, round, time);
  } finally {
    await close();
    rmSync(folder, { recursive: true, force: true });
  }
}

test("dead ends leave after 90 days", () =>
  withTrimming(async (store, _events, round, clock) => {
    const row = { rule_arn: rule("r"), target_id: "1", target_arn: "t", trace: "t", event: "{}", code: "c" };
    await store.write(async (transaction) => {
      for (let n = 0; n < 1100; n++)
        await putDeadEnd(transaction, {
          ...row,
          id: systemClock.uuid(),
          message: "m",
          exhausted: null,
          attempts: 1,
          at: 0,
        });
    });
    const left = async () => (await store.read((reader) => deadEnds(reader, rule("r"), 2000))).length;
    await round();
    assert.equal(await left(), 1100);
    clock.now += RETENTION_MS + 60_000;
    await round();
    assert.equal(await left(), 0);
  }));

test("word of rules long gone is forgotten, and whoever had not heard it yet reads the bus afresh", () =>
  withTrimming(async (store, events, round) => {
    const save = async (transaction: Transaction, name: string) => {
      const row = { bus, name, arn: rule(name), description: null, pattern: '{"source":["s"]}', schedule: null };
      await putRule(transaction, { ...row, state: "ENABLED", role_arn: null, created_by: "1" });
      await touch(events, transaction, bus, name);
    };
    const late = new Registry();
    const matching = async (registry: Registry) =>
      (await store.read((reader) => registry.rulesOf(reader, bus))).match(event).map(({ name }) => name);
    await store.write(async (transaction) => {
      await save(transaction, "kept");
      await save(transaction, "gone");
    });
    assert.deepEqual((await matching(late)).toSorted(), ["gone", "kept"]);
    await store.write(async (transaction) => {
      await deleteRule(transaction, bus, "gone");
      await touch(events, transaction, bus, "gone");
    });
    for (let n = 0; n < 3 * WINDOW; n++)
      await store.write(async (transaction) => {
        await touch(events, transaction, bus, `passing-${n}`);
        await touch(events, transaction, bus, "kept");
      });
    const changes = () => store.read((reader) => changesAfter(reader, bus, -WINDOW, 10_000));
    assert.equal((await changes()).length, 3 * WINDOW + 2);
    await round();
    const names = (await changes()).map(({ name }) => name);
    assert.ok(names.length <= 2 * WINDOW, `${names.length} changes are left`);
    assert.ok(names.includes("kept"));
    assert.ok(!names.includes("gone"));
    assert.deepEqual(await matching(late), ["kept"]);
    assert.deepEqual(await matching(new Registry()), ["kept"]);
  }));
