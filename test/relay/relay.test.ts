/** The relay on every store, with the time in the test's hand. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import { backOff } from "../../src/relay/attempt.ts";
import { RelayEngine } from "../../src/relay/engine.ts";
import { DONE, type Outcome, type Work } from "../../src/relay/relay.ts";
import type { Store, Transaction } from "../../src/store/store.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openStore, type OpenStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";
import { until } from "../support/until.ts";

type Row = {
  kind: string;
  key: string;
  attempt: number;
  due_at: number;
  leased: number;
  fence: number;
  failure: string | null;
};

/** Gives what must not happen a while to happen. No test waits like this for what must. */
const quietFor = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

for (const kind of stores)
  void describe(`the relay on ${kind.name}`, () => {
    const START = 1_700_000_000_000;
    const quiet = (): Promise<void> => quietFor(kind.name === "sqlite" ? 30 : 150);
    let opened: OpenStore;
    let store: Store;
    let clock: ManualClock;
    let relays: RelayEngine[];
    let logged: string[];
    const engine = (): RelayEngine => {
      const relay = new RelayEngine(store, clock, (_level, message) => void logged.push(message), Infinity);
      relays.push(relay);
      return relay;
    };
    const work = (name: string, more: Partial<Work> = {}): Work => ({
      kind: name,
      key: "k",
      trace: "t",
      body: {},
      ...more,
    });
    const rows = () => store.read((reader) => reader.all<Row>("select * from work order by due_at, id limit 1000"));
    const note = (tx: Transaction, value: string) =>
      tx.run("insert into iam_installation (name, value) values ($1, $1)", [value]);
    const notes = () =>
      store.read(async (reader) =>
        (await reader.all<{ name: string }>("select name from iam_installation order by name limit 1000")).map(
          ({ name }) => name,
        ),
      );

    before(async () => {
      opened = await openStore(kind);
      store = opened.store;
    });
    beforeEach(async () => {
      await store.write(async (tx) => {
        await tx.run("delete from work");
        await tx.run("delete from iam_installation");
      });
      relays = [];
      logged = [];
      clock = new ManualClock(START);
    });
    afterEach(async () => {
      let stopped = false;
      const stopping = Promise.all(relays.map((relay) => relay.stop(10))).then(() => (stopped = true));
      await until(async () => (await clock.advance(1_000), stopped));
      await stopping;
    });
    after(() => opened.close());

    test("pure work that is due rides in the commit that causes it, and what it causes rides along", async () => {
      const relay = engine();
      relay.pure("first", async (tx, claimed) => {
        await note(tx, "first");
        await relay.append(tx, work("second", { body: claimed.body }));
        return DONE;
      });
      relay.pure("second", async (tx, claimed) => {
        assert.deepEqual([claimed.body, claimed.attempt, claimed.since, claimed.id], [{ n: 1 }, 1, START, ""]);
        await note(tx, "second");
        return DONE;
      });
      await relay.transact(async (tx) => {
        await relay.append(tx, work("first", { body: { n: 1 } }));
        assert.deepEqual(await notes(), []);
      });
      assert.deepEqual(await notes(), ["first", "second"]);
      assert.deepEqual(await rows(), []);
    });

    test("nothing rides when the transaction is taken back", async () => {
      const relay = engine();
      relay.pure("first", async (tx) => (await note(tx, "first"), DONE));
      await assert.rejects(
        relay.transact(async (tx) => {
          await relay.append(tx, work("first"));
          throw new Error("no");
        }),
      );
      assert.deepEqual([await notes(), await rows()], [[], []]);
    });

    test("work that throws while it rides is taken back alone, left as a row, and tried again after a pause", async () => {
      const relay = engine();
      const attempts: number[] = [];
      relay.pure("fragile", async (tx, claimed) => {
        await note(tx, `try ${claimed.attempt}`);
        attempts.push(claimed.attempt);
        if (claimed.attempt < 3) throw new Error("not yet");
        assert.equal(claimed.since, START);
        return DONE;
      });
      await relay.start(true);
      await relay.transact(async (tx) => {
        await note(tx, "cause");
        await relay.append(tx, work("fragile"));
      });
      assert.deepEqual(await notes(), ["cause"]);
      const [row] = await rows();
      // One second, spread over its second half, in whole milliseconds; the test's chance is always a little above one half.
      assert.deepEqual([row?.attempt, row?.due_at, row?.leased], [2, START + 750, 0]);
      assert.match(row?.failure ?? "", /not yet/);
      await quiet();
      assert.deepEqual(attempts, [1]);
      await clock.advance(749);
      await quiet();
      assert.deepEqual(attempts, [1]);
      await clock.advance(1);
      await until(() => attempts.length === 2);
      await until(async () => (await rows())[0]?.attempt === 3);
      assert.equal((await rows())[0]?.due_at, START + 750 + 1500);
      await quiet();
      await clock.advance(1500);
      await until(async () => (await rows()).length === 0);
      assert.deepEqual(attempts, [1, 2, 3]);
      assert.deepEqual(await notes(), ["cause", "try 3"]);
    });

    test("more than a transaction's budget is left as rows, and done right after", async () => {
      const relay = engine();
      const waits: boolean[] = [];
      relay.pure("one of many", async (_tx, claimed) => (waits.push(claimed.id !== ""), DONE));
      await relay.start(true);
      await relay.transact(async (tx) => {
        for (let n = 0; n < 100; n++) await relay.append(tx, work("one of many", { key: String(n) }));
      });
      const rode = waits.filter((wait) => !wait).length;
      assert.equal(rode, 64);
      await until(() => waits.length === 100);
      await until(async () => (await rows()).length === 0);
    });

    test("work for later is a row until then, and may ask to come again", async () => {
      const relay = engine();
      const seen: [number, unknown, number][] = [];
      relay.pure("alarm", async (_tx, { body, attempt }): Promise<Outcome> => {
        seen.push([clock.now() - START, body, attempt]);
        return seen.length === 1 ? { kind: "again", dueAt: START + 9_000, body: "second" } : DONE;
      });
      await relay.start(true);
      await relay.transact((tx) => relay.append(tx, work("alarm", { dueAt: START + 3_000, body: "first" })));
      await quiet();
      await clock.advance(2_999);
      await quiet();
      assert.deepEqual(seen, []);
      await clock.advance(1);
      await until(() => seen.length === 1);
      await quiet();
      await clock.advance(5_000);
      await quiet();
      await clock.advance(999);
      await quiet();
      assert.equal(seen.length, 1);
      await clock.advance(1);
      await until(() => seen.length === 2);
      assert.deepEqual(seen, [
        [3_000, "first", 1],
        [9_000, "second", 2],
      ]);
      await until(async () => (await rows()).length === 0);
    });

    test("cancelled work does not happen; other kinds and keys stay", async () => {
      const relay = engine();
      relay.pure("alarm", async () => DONE);
      const dueAt = START + 1_000;
      await relay.transact(async (tx) => {
        await relay.append(tx, work("alarm", { key: "a", dueAt }));
        await relay.append(tx, work("alarm", { key: "b", dueAt }));
        await relay.append(tx, work("other", { key: "a", dueAt }));
      });
      await relay.transact((tx) => relay.cancel(tx, "alarm", "a"));
      assert.deepEqual((await rows()).map(({ kind: name, key }) => `${name} ${key}`).sort(), ["alarm b", "other a"]);
    });

    test("an effect holds a lease while it runs, extends it, and is settled in one transaction", async () => {
      const relay = engine();
      let finish = (): void => undefined;
      const running = new Promise<void>((resolve) => (finish = resolve));
      relay.effect("call", async (claimed) => {
        assert.deepEqual([claimed.attempt, claimed.body], [1, { to: "x" }]);
        await running;
        return async (tx) => (await note(tx, "answer"), DONE);
      });
      await relay.start(true);
      await relay.transact((tx) => relay.append(tx, work("call", { body: { to: "x" } })));
      await until(async () => (await rows())[0]?.leased === 1);
      assert.deepEqual([(await rows())[0]?.due_at, (await rows())[0]?.fence], [START + 30_000, 1]);
      await clock.advance(10_000);
      await until(async () => (await rows())[0]?.due_at === START + 40_000);
      assert.deepEqual(await notes(), []);
      finish();
      await until(async () => (await rows()).length === 0);
      assert.deepEqual(await notes(), ["answer"]);
    });

    test("who lost the lease has no say any more", async () => {
      const slow = engine();
      const quick = engine();
      let finish = (): void => undefined;
      let first = true;
      for (const relay of [slow, quick])
        relay.effect(
          "call",
          async () => {
            const mine = relay === slow ? "slow" : "quick";
            if (first) {
              first = false;
              await new Promise<void>((resolve) => (finish = resolve));
            }
            return async (tx) => (await note(tx, mine), DONE);
          },
          { concurrency: 1 },
        );
      await slow.start(true);
      await slow.transact((tx) => slow.append(tx, work("call")));
      await until(async () => (await rows())[0]?.leased === 1);
      await until(() => !first);
      // The machine was asleep: no heartbeat came, and the lease ran out. Its only hand is busy, so it does not come back for it.
      await store.write((tx) => tx.run("update work set due_at = $1", [START - 1]));
      await quick.start(false);
      await until(async () => (await rows()).length === 0);
      finish();
      await quiet();
      assert.deepEqual(await notes(), ["quick"]);
    });

    test("a lease that ran out under the worker keeps its late answer out, and the work is not lost", async () => {
      const relay = engine();
      let finish: (() => void) | undefined;
      relay.effect("call", async () => {
        await new Promise<void>((resolve) => (finish = resolve));
        return async (tx) => (await note(tx, "late"), DONE);
      });
      await relay.start(true);
      await relay.transact((tx) => relay.append(tx, work("call")));
      await until(() => finish !== undefined);
      await store.write((tx) => tx.run("update work set fence = fence + 1"));
      finish?.();
      await quiet();
      assert.deepEqual([(await notes()).length, (await rows()).length], [0, 1]);
    });

    test("an effect that throws is tried again after a pause", async () => {
      const relay = engine();
      let tries = 0;
      relay.effect("call", async () => {
        if (++tries === 1) throw new Error("refused: \0");
        return async () => DONE;
      });
      await relay.start(true);
      await relay.transact((tx) => relay.append(tx, work("call")));
      await until(async () => (await rows())[0]?.attempt === 2);
      const [row] = await rows();
      assert.deepEqual([row?.due_at, row?.leased], [START + 750, 0]);
      assert.ok(row?.failure?.includes("refused: \0"));
      await quiet();
      await clock.advance(750);
      await until(async () => (await rows()).length === 0);
      assert.equal(tries, 2);
    });

    test("a kind without a free hand waits, the others go on", async () => {
      const relay = engine();
      const finish: (() => void)[] = [];
      let most = 0;
      let running = 0;
      relay.effect(
        "narrow",
        async () => {
          most = Math.max(most, ++running);
          await new Promise<void>((resolve) => finish.push(resolve));
          running--;
          return async () => DONE;
        },
        { concurrency: 2 },
      );
      let wide = 0;
      relay.effect("wide", async () => async () => (wide++, DONE));
      await relay.start(true);
      await relay.transact(async (tx) => {
        for (let n = 0; n < 5; n++) await relay.append(tx, work("narrow", { key: String(n) }));
        await relay.append(tx, work("wide"));
      });
      await until(() => wide === 1 && running === 2);
      for (let done = 0; done < 5; done++) {
        await until(() => finish.length > 0);
        finish.shift()?.();
        await quiet();
      }
      await until(async () => (await rows()).length === 0);
      assert.equal(most, 2);
    });

    test("stopping tells effects to end, and hands back what does not finish", async () => {
      const relay = engine();
      let called = false;
      relay.effect("call", async (_claimed, signal) => {
        called = true;
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopping"))));
        return async () => DONE;
      });
      await relay.start(true);
      await relay.transact((tx) => relay.append(tx, work("call")));
      await until(() => called);
      const stopped = relay.stop(2_000);
      await clock.advance(2_000);
      await stopped;
      const [row] = await rows();
      assert.deepEqual([row?.leased, row?.attempt], [0, 2]);
    });

    test("a node that is alone takes over the leases of a dead process at once; one among others waits for their end", async () => {
      const seed = () =>
        store.write((tx) =>
          tx.run(
            "insert into work (id, kind, key, trace, body, due_at, since, attempt, fence, leased) values ('w', 'call', 'k', 't', '{}', $1, $2, 1, 7, 1)",
            [START + 20_000, START],
          ),
        );
      const among = engine();
      let calls = 0;
      const count = async () => (calls++, async () => DONE);
      among.effect("call", count);
      await seed();
      await among.start(false);
      await quiet();
      await clock.advance(10_000);
      await quiet();
      assert.equal(calls, 0);
      await among.stop(0);
      const alone = engine();
      alone.effect("call", count);
      await alone.start(true);
      await until(async () => (await rows()).length === 0);
      assert.equal(calls, 1);
    });

    test("work that nobody here knows is kept", async () => {
      const relay = engine();
      await relay.start(true);
      await relay.transact((tx) => relay.append(tx, work("of tomorrow")));
      await until(() => logged.some((line) => line.includes("of tomorrow")));
      await until(async () => (await rows())[0]?.due_at === START + 3_600_000);
    });
  });

void describe("the pause before the next try", () => {
  test("doubles from a second to five minutes, and is spread by half", () => {
    const at = (attempt: number, chance: number) => backOff(attempt, { ...systemClock, random: () => chance });
    assert.deepEqual(
      [1, 2, 3, 4, 9, 10, 50].map((attempt) => at(attempt, 1)),
      [1e3, 2e3, 4e3, 8e3, 256e3, 3e5, 3e5],
    );
    assert.deepEqual(
      [1, 2, 50].map((attempt) => at(attempt, 0)),
      [500, 1000, 150e3],
    );
  });
});
