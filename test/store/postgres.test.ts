/** What only a store with several writers can get wrong. Two stores stand for two nodes. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { migrationFiles } from "../../src/store/migrate.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { Connection } from "../../src/store/postgres/connection.ts";
import { WriteConflict, type Transaction } from "../../src/store/store.ts";
import { freshSchema } from "../support/postgres.ts";
import { eventually } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const skip = stores.some(({ name }) => name === "postgres") ? false : "there is no PostgreSQL";

describe("several writers on PostgreSQL", { skip }, () => {
  let schema: Awaited<ReturnType<typeof freshSchema>>;
  let nodes: PostgresStore[];
  before(async () => {
    schema = await freshSchema();
    // Both at once: the migrations run once.
    nodes = await Promise.all([1, 2].map(() => PostgresStore.open(schema.url, migrationFiles())));
  });
  after(async () => {
    for (const node of nodes) await node.close();
    await schema.drop();
  });

  const node = (index: number): PostgresStore => nodes[index % 2] ?? assert.fail("no such node");
  const make = (name: string) => node(0).write((tx) => put(tx, name, "0"));
  const put = (tx: Transaction, name: string, value: string) =>
    tx.run("insert into iam_installation (name, value) values ($1, $2)", [name, value]);
  const valueOf = async (name: string): Promise<string | undefined> =>
    (
      await node(1).read((reader) =>
        reader.get<{ value: string }>("select value from iam_installation where name = $1", [name]),
      )
    )?.value;
  const locked = async (tx: Transaction, name: string): Promise<number> =>
    Number(
      (await tx.get<{ value: string }>("select value from iam_installation where name = $1 for update", [name]))?.value,
    );
  const set = (tx: Transaction, name: string, value: number) =>
    tx.run("update iam_installation set value = $1 where name = $2", [String(value), name]);
  const times = <T>(count: number, work: (index: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, index) => work(index)));

  test("rows locked when read lose no update", async () => {
    await make("counter");
    await times(200, (index) =>
      node(index).write(async (tx) => void (await set(tx, "counter", (await locked(tx, "counter")) + 1))),
    );
    assert.equal(await valueOf("counter"), "200");
  });

  test("work that finds its row changed is done again", async () => {
    await make("guarded");
    await times(100, (index) =>
      node(index).write(async (tx) => {
        const row = await tx.get<{ value: string }>("select value from iam_installation where name = $1", ["guarded"]);
        const changed = await tx.run("update iam_installation set value = $1 where name = $2 and value = $3", [
          String(Number(row?.value) + 1),
          "guarded",
          row?.value ?? null,
        ]);
        if (changed !== 1) throw new WriteConflict("somebody else was first");
      }),
    );
    assert.equal(await valueOf("guarded"), "100");
  });

  test("transactions that take two rows in both orders all come through", async () => {
    await make("left");
    await make("right");
    // Each clash costs the time that PostgreSQL takes to see it: more of them would not fit into a slow machine's patience.
    await times(16, (index) =>
      node(index).write(async (tx) => {
        for (const name of index % 4 < 2 ? ["left", "right"] : ["right", "left"])
          await set(tx, name, (await locked(tx, name)) + 1);
      }),
    );
    assert.deepEqual([await valueOf("left"), await valueOf("right")], ["16", "16"]);
  });

  test("a row that somebody else inserted after we looked is seen at the second try", async () => {
    const answers = await times(60, (index) =>
      node(index).write(async (tx) => {
        const name = `unique-${index % 3}`;
        if (await tx.get("select 1 as found from iam_installation where name = $1", [name])) return "there";
        await put(tx, name, "1");
        return "made";
      }),
    );
    assert.equal(answers.filter((answer) => answer === "made").length, 3);
  });

  test("on conflict do nothing counts right, whoever was first", async () => {
    const made = await times(60, (index) =>
      node(index).write((tx) =>
        tx.run("insert into iam_installation (name, value) values ($1, $2) on conflict (name) do nothing", [
          `first-${index % 4}`,
          String(index),
        ]),
      ),
    );
    assert.equal(made.filter((count) => count === 1).length, 4);
    assert.equal(made.filter((count) => count === 0).length, 56);
  });

  test("who fails takes back its own rows only, however many share the commit", async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, index) =>
        node(0).write(async (tx) => {
          await put(tx, `mixed-${index}`, "1");
          if (index % 10 === 3) throw new Error("no");
          // The row is there already, by this very transaction.
          if (index % 10 === 7) await put(tx, `mixed-${index}`, "2");
        }),
      ),
    );
    for (const [index, { status }] of outcomes.entries()) {
      assert.equal(status, [3, 7].includes(index % 10) ? "rejected" : "fulfilled", String(index));
      assert.equal(await valueOf(`mixed-${index}`), status === "rejected" ? undefined : "1");
    }
  });

  test("rows go back and forth unharmed, many in one statement too", async () => {
    const values = ['a"b', "c\\d", "{e,f}", "NULL", "", "ü€😀", "line\nbreak", "'"];
    await times(values.length * 4, (index) =>
      node(0).write((tx) => put(tx, `text-${index}`, values[index % values.length] ?? "")),
    );
    for (let index = 0; index < values.length * 4; index++)
      assert.equal(await valueOf(`text-${index}`), values[index % values.length]);
  });

  test("changes that travel in one statement find their own rows each", async () => {
    const name = (index: number): string => `own-${String(index).padStart(2, "0")}`;
    const value = async (tx: Transaction, index: number): Promise<number> => locked(tx, name(index));
    await times(40, (index) => node(0).write((tx) => put(tx, name(index), "0")));
    // Statements that always did what was expected of them are put off from here on.
    await times(12, () => node(0).write(async (tx) => void (await set(tx, name(0), await value(tx, 0)))));
    await times(40, (index) =>
      node(0).write(async (tx) => {
        await set(tx, name(index), (await value(tx, index)) + index);
        if (index % 3 === 0) await set(tx, name(index), (await value(tx, index)) + 100);
        const all = await tx.all("select name, value from iam_installation where name = $1 and value = $2", [
          name(index),
          String(index % 3 === 0 ? index + 100 : index),
        ]);
        assert.equal(all.length, 1, "what was put off is seen by who wrote it");
      }),
    );
    const rows = await node(1).read((reader) =>
      reader.all<{ value: string }>(
        "select value from iam_installation where name >= 'own-' and name < 'own.' order by name",
      ),
    );
    assert.deepEqual(
      rows.map((row) => Number(row.value)),
      Array.from({ length: 40 }, (_, index) => (index % 3 === 0 ? index + 100 : index)),
    );
  });

  test("a row is deleted once, whoever is first", async () => {
    const remove = (index: number, of: string) =>
      node(index).write((tx) => tx.run("delete from iam_installation where name = $1", [of]));
    await times(80, (index) => make(`gone-${index}`));
    for (let index = 0; index < 16; index++) await remove(index, `gone-${index}`);
    const counts = await times(128, (index) => remove(index, `gone-${16 + (index >> 1)}`));
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      64,
    );
  });

  test("a read that fails harms no read beside it", async () => {
    const one = (divisor: number) =>
      node(0).read((reader) => reader.get<{ one: number }>("select 1 / $1::bigint as one", [divisor]));
    const answers = await Promise.allSettled([1, 0, 1, 0, 1].map(one));
    assert.deepEqual(
      answers.map((answer) => (answer.status === "fulfilled" ? answer.value?.one : "failed")),
      [1, "failed", 1, "failed", 1],
    );
  });

  test("plans are made anew after some hundred statements", async () => {
    const connection = await Connection.open({ url: schema.url, statementMs: 30_000, lockMs: 0 });
    try {
      await connection.query("create table growing (k text primary key) with (autovacuum_enabled = false)");
      await connection.query("set plan_cache_mode = force_generic_plan");
      const walk = "select count(*) as count from growing where k >= $1";
      await connection.query(walk, ["0"]);
      const { rows } = await connection.query("select name from pg_prepared_statements where statement = $1", [walk]);
      const plan = async (): Promise<unknown> =>
        (await connection.query(`explain execute ${String(rows[0]?.["name"])}('0')`)).rows.map(Object.values);
      const made = await plan();
      await connection.query("insert into growing select i::text from generate_series(1, 20000) as i");
      await Promise.all(Array.from({ length: 300 }, () => connection.query(walk, ["9"])));
      connection.replan();
      assert.notDeepEqual(await plan(), made, "the table has grown");
    } finally {
      await connection.close();
    }
  });

  test("those who lock one scope take turns", async () => {
    let inside = 0;
    await times(20, (index) =>
      node(index).write(async (tx) => {
        await tx.lock?.("scope");
        // Only this line's transactions may be here, and those that share a commit with it.
        inside++;
        const before = await tx.get<{ n: number }>(
          "select count(*) as n from iam_installation where name like 'turn-%'",
        );
        await put(tx, `turn-${before?.n}`, "1");
      }),
    );
    assert.ok(inside >= 20);
    assert.equal(await valueOf("turn-19"), "1");
  });

  test("a change is seen by the other node within a second", async () => {
    const seen = () => node(1).read(async (reader) => reader.version("far"));
    const before = await seen();
    await node(0).write(async (tx) => tx.bump("far"));
    await eventually(async () => ((await seen()) === before ? undefined : true), 1000);
  });
});
