/** What the relay does about leases when the store does not answer, or its answer is lost, and when a node dies. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { RelayEngine } from "../../src/relay/engine.ts";
import { DONE } from "../../src/relay/relay.ts";
import type { Store } from "../../src/store/store.ts";
import { LossyStore, type Fate } from "../support/lossy-store.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openStore, type OpenStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";
import { until } from "../support/until.ts";

type Row = { key: string; attempt: number; due_at: number; leased: number; fence: number; failure: string | null };
const START = 1_700_000_000_000;
const NAP_MS = 5_000;
const LEASE_MS = 30_000;

for (const kind of stores)
  void describe(`leases on ${kind.name}, when answers are lost`, () => {
    let opened: OpenStore;
    let store: Store;
    let lossy: LossyStore;
    let clock: ManualClock;
    let relay: RelayEngine;
    let logged: string[];
    const rows = () => store.read((reader) => reader.all<Row>("select * from work order by id limit 1000"));
    /** Leaves work behind the relay's back, which finds it after its nap. */
    const leave = (key: string, more: { since?: number; dueAt?: number; leased?: number } = {}) =>
      store.write((tx) =>
        tx.run(
          "insert into work (id, kind, key, trace, body, due_at, since, attempt, fence, leased) values ($1, 'call', $1, 't', '{}', $2, $3, 1, 0, $4)",
          [key, more.dueAt ?? START, more.since ?? START, more.leased ?? 0],
        ),
      );
    /** Starts the relay, whose first claim and the writes after it meet these fates. */
    const begin = async (...fates: Fate[]) => {
      lossy.fates = ["well", ...fates];
      await relay.start(true);
    };
    /** Moves time on by small steps while writes are still to be refused: these are not in the database's hand. */
    const untilRefused = () =>
      until(async () => {
        if (lossy.fates.length > 0) await clock.advance(50);
        return lossy.fates.length === 0;
      });

    before(async () => {
      opened = await openStore(kind);
      store = opened.store;
    });
    beforeEach(async () => {
      await store.write(async (tx) => {
        await tx.run("delete from work");
        await tx.run("delete from relay_node");
      });
      lossy = new LossyStore(store);
      clock = new ManualClock(START);
      logged = [];
      relay = new RelayEngine(lossy, clock, (_level, message) => void logged.push(message));
    });
    afterEach(async () => {
      lossy.away = false;
      let stopped = false;
      const stopping = relay.stop(10).then(() => (stopped = true));
      await until(async () => (await clock.advance(1_000), stopped));
      await stopping;
    });
    after(() => opened.close());

    test("a claim that was committed, which nobody heard, is taken back and made again at once", async () => {
      const fences: (number | undefined)[] = [];
      relay.effect(
        "call",
        async ({ key }) => {
          fences.push((await rows()).find((row) => row.key === key)?.fence);
          return async () => DONE;
        },
        { concurrency: 2 },
      );
      for (const key of ["a", "b", "c"]) await leave(key);
      await begin("lost");
      await until(async () => (await rows()).length === 0);
      assert.deepEqual(
        fences.toSorted((one = 0, other = 0) => one - other),
        [1, 2, 2],
      );
      assert.ok(clock.now() < START + LEASE_MS);
    });

    test("so it is when the store stays away for a while after that; no other work is claimed meanwhile", async () => {
      let calls = 0;
      relay.effect("call", async () => (calls++, async () => DONE));
      await leave("a");
      await begin("lost", "refused", "refused", "refused", "refused", "refused");
      await until(() => lossy.fates.length === 4);
      await leave("b");
      await untilRefused();
      assert.deepEqual([calls, (await rows()).map(({ leased }) => leased)], [0, [1, 0]]);
      await clock.advance(NAP_MS);
      await until(async () => (await rows()).length === 0);
      assert.equal(calls, 2);
      assert.ok(clock.now() < START + LEASE_MS);
    });

    test("a claim that was not committed, and is another node's by now, is left to it", async () => {
      relay.effect("call", async () => async () => DONE);
      await leave("a");
      await begin("lost", "refused");
      await until(() => lossy.fates.length === 0);
      await store.write((tx) => tx.run("update work set leased = 99"));
      await clock.advance(NAP_MS);
      // The start, the claim, twice its lease, and the next claim, which comes only after that.
      await until(() => lossy.writes >= 5);
      assert.deepEqual(
        (await rows()).map(({ leased, fence }) => [leased, fence]),
        [[99, 1]],
      );
    });

    test("work that failed is handed back until the store answers, and keeps its hand so long", async () => {
      let calls = 0;
      relay.effect(
        "call",
        async () => {
          if (++calls > 1) return async () => DONE;
          lossy.fates = ["refused", "refused", "refused", "refused"];
          throw new Error("no answer from there");
        },
        { concurrency: 1 },
      );
      await leave("a");
      await leave("b");
      await begin();
      await until(() => calls === 1);
      await untilRefused();
      assert.deepEqual([calls, (await rows()).length], [1, 2]);
      await clock.advance(1_000);
      await until(async () => (await rows()).some(({ attempt, leased }) => attempt === 2 && leased === 0));
      assert.match((await rows()).find(({ key }) => key === "a")?.failure ?? "", /no answer from there/);
      await until(() => calls === 2);
      await clock.advance(NAP_MS);
      await until(async () => (await rows()).length === 0);
      assert.equal(calls, 3);
    });

    test("an answer that was settled, which nobody heard, is not settled again", async () => {
      let calls = 0;
      let settled = 0;
      relay.effect("call", async () => {
        calls++;
        lossy.fates = ["lost"];
        return async () => (settled++, DONE);
      });
      await leave("a");
      await begin();
      await until(async () => (await rows()).length === 0);
      // The start, the claim, to settle, of which nobody heard, and to hand back, for which there is nothing.
      await until(() => lossy.writes >= 4);
      await clock.advance(LEASE_MS);
      assert.deepEqual([calls, settled], [1, 1]);
    });

    test("stopping hands back what it can within its deadline", async () => {
      let called = false;
      relay.effect("call", async (_claimed, signal) => {
        called = true;
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopping"))));
        return async () => DONE;
      });
      await leave("a");
      await begin();
      await until(() => called);
      lossy.fates = ["refused", "refused", "refused"];
      const stopped = relay.stop(2_000);
      await clock.advance(2_000);
      await untilRefused();
      await clock.advance(50);
      await stopped;
      const [row] = await rows();
      assert.deepEqual([row?.leased, row?.attempt], [0, 2]);
    });

    test("stopping does not wait longer for a store that stays away, and leaves it alone afterwards", async () => {
      let called = false;
      relay.effect("call", async (_claimed, signal) => {
        called = true;
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopping"))));
        return async () => DONE;
      });
      await leave("a");
      await begin();
      await until(() => called);
      lossy.away = true;
      const stopped = relay.stop(2_000);
      await clock.advance(3_000);
      await stopped;
      assert.ok(logged.includes("work could not be handed back"));
      const { writes } = lossy;
      await clock.advance(60_000);
      assert.equal(lossy.writes, writes);
    });

    test("what a dead node held is taken up before all that was waiting", async () => {
      const order: string[] = [];
      let finish = (): void => undefined;
      relay.effect(
        "call",
        async ({ key }) => {
          order.push(key);
          if (order.length === 1) await new Promise<void>((resolve) => (finish = resolve));
          return async () => DONE;
        },
        { concurrency: 1 },
      );
      await store.write((tx) => tx.run("insert into relay_node (number, beat) values (99, 7)"));
      for (let n = 0; n < 100; n++) await leave(`queue ${n}`, { since: START - 1_000 + n, dueAt: START - 1_000 + n });
      await leave("held late", { since: START - 2_000, dueAt: START + 1e9, leased: 99 });
      await leave("held early", { since: START - 3_000, dueAt: START + 1e9, leased: 99 });
      await relay.start(false);
      await until(() => order.length === 1);
      await until(async () => (await clock.advance(250), (await rows()).every(({ leased }) => leased !== 99)));
      finish();
      await until(async () => (await rows()).length === 0);
      assert.deepEqual(order.slice(0, 4), ["queue 0", "held early", "held late", "queue 1"]);
    });

    test("so it is when a node that is alone starts again", async () => {
      const order: string[] = [];
      relay.effect("call", async ({ key }) => (order.push(key), async () => DONE), { concurrency: 1 });
      await leave("queue", { since: START - 1_000, dueAt: START - 1_000 });
      await leave("held", { since: START - 2_000, dueAt: START + 20_000, leased: 1 });
      await relay.start(true);
      await until(async () => (await rows()).length === 0);
      assert.deepEqual(order, ["held", "queue"]);
    });
  });
