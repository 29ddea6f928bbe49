/** The contract of `Store`, on every store. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { VersionedCache } from "../../src/store/cache.ts";
import type { Reader, Store, Transaction } from "../../src/store/store.ts";
import { openStore, type OpenStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";

const put = (tx: Transaction, name: string, value: string) =>
  tx.run("insert into iam_installation (name, value) values ($1, $2) on conflict (name) do update set value = $2", [
    name,
    value,
  ]);
const get = async (reader: Reader, name: string) =>
  (await reader.get<{ value: string }>("select value from iam_installation where name = $1", [name]))?.value;
const names = async (reader: Reader) =>
  (await reader.all<{ name: string }>("select name from iam_installation order by name limit 1000")).map(
    ({ name }) => name,
  );

for (const kind of stores)
  void describe(`the store ${kind.name}`, () => {
    let opened: OpenStore;
    let store: Store;
    before(async () => {
      opened = await openStore(kind);
      store = opened.store;
    });
    beforeEach(() => store.write(async (tx) => void (await tx.run("delete from iam_installation"))));
    after(() => opened.close());

    test("what was written is read, and is still there when the store is opened again", async () => {
      assert.equal(await store.write((tx) => put(tx, "a", "1")), 1);
      assert.equal(await store.read((reader) => get(reader, "a")), "1");
      opened = await opened.reopen();
      store = opened.store;
      assert.equal(await store.read((reader) => get(reader, "a")), "1");
    });

    test("every character goes into a text, alone and many rows at once, and texts keep their order", async () => {
      const texts = [
        "a",
        "a\u0000",
        "a\u0000b",
        "a\u0001",
        "a\u0001\u0001",
        "a\u0001\u0002",
        "a\u0002",
        "ab",
        "\u0000",
      ];
      // Alone by `do update`, together by plain inserts.
      for (const text of texts) await store.write((tx) => put(tx, text, text));
      assert.deepEqual(await store.read(names), texts.toSorted());
      for (const text of texts) assert.equal(await store.read((reader) => get(reader, text)), text);
      await store.write(async (tx) => {
        await tx.run("delete from iam_installation");
        for (const text of texts)
          await tx.run("insert into iam_installation (name, value) values ($1, $2)", [text, text]);
      });
      assert.deepEqual(await store.read(names), texts.toSorted());
      const after = (name: string) =>
        store.read((reader) =>
          reader.get<{ value: string }>("select value from iam_installation where name > $1 order by name limit 1", [
            name,
          ]),
        );
      // The next name after this one, as pages are asked for.
      assert.equal((await after("a\u0000"))?.value, "a\u0000b");
    });

    test("text, numbers, bytes and null come back as what they were", async () => {
      const bytes = Buffer.from([0, 255, 1, 128]);
      const large = 9_007_199_254_740_991;
      await store.write(async (tx) => {
        await tx.run(
          "insert into s3_object (bucket, key, version, sequence, size, etag, modified, storage_class, trace, operation, bytes) values ($1, $2, 'null', $3, 0, $4, 0, 's', 't', 'o', $5)",
          ["b", bytes, large, "ä€😀'\"\\", bytes],
        );
      });
      const row = await store.read((reader) =>
        reader.get<{ key: Uint8Array; sequence: number; etag: string; checksum: null; bytes: Uint8Array }>(
          "select key, sequence, etag, checksum, bytes from s3_object where bucket = $1 and key = $2",
          ["b", bytes],
        ),
      );
      assert.ok(row);
      assert.deepEqual(Buffer.from(row.key), bytes);
      assert.deepEqual(Buffer.from(row.bytes), bytes);
      assert.deepEqual([row.sequence, row.etag, row.checksum], [large, "ä€😀'\"\\", null]);
      await store.write(async (tx) => void (await tx.run("delete from s3_object")));
    });

    test("a parameter may stand twice, and out of order", async () => {
      await store.write((tx) => put(tx, "x", "y"));
      const row = await store.read((reader) =>
        reader.get("select 1 as found from iam_installation where value = $2 and name = $1 and name = $1", ["x", "y"]),
      );
      assert.equal(row?.["found"], 1);
    });

    test("a throw takes back what its transaction wrote, nobody else's, and is passed on", async () => {
      const ends = await Promise.allSettled([
        store.write((tx) => put(tx, "a", "1")),
        store.write(async (tx) => {
          await put(tx, "b", "1");
          await put(tx, "a", "overwritten");
          throw new Error("changed my mind");
        }),
        store.write((tx) => put(tx, "c", "1")),
      ]);
      assert.deepEqual(
        ends.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      assert.equal(ends[1].status === "rejected" && (ends[1].reason as Error).message, "changed my mind");
      assert.deepEqual(await store.read(names), ["a", "c"]);
      assert.equal(await store.read((reader) => get(reader, "a")), "1");
    });

    test("a statement that fails takes its transaction back", async () => {
      await store.write((tx) => put(tx, "a", "1"));
      await assert.rejects(
        store.write(async (tx) => {
          await put(tx, "b", "1");
          await tx.run("insert into iam_installation (name, value) values ('a', '2')");
        }),
      );
      assert.deepEqual(await store.read(names), ["a"]);
    });

    test("a transaction sees its own rows, and others only what is committed", async () => {
      let seen: string | undefined = "unset";
      await store.write(async (tx) => {
        await put(tx, "a", "1");
        assert.equal(await get(tx, "a"), "1");
        seen = await store.read((reader) => get(reader, "a"));
      });
      assert.equal(seen, undefined);
    });

    test("increments of many callers are serialised by their row", async () => {
      await store.write((tx) => put(tx, "count", "0"));
      await Promise.all(
        Array.from({ length: 50 }, () =>
          store.write((tx) => tx.run("update iam_installation set value = value || '.' where name = $1", ["count"])),
        ),
      );
      assert.equal(await store.read((reader) => get(reader, "count")), `0${".".repeat(50)}`);
    });

    test("a thousand transactions at once all commit", async () => {
      await Promise.all(
        Array.from({ length: 1000 }, (_, index) => store.write((tx) => put(tx, String(index).padStart(4, "0"), "x"))),
      );
      assert.equal((await store.read(names)).length, 1000);
    });

    test("savepoints nest, and take back only what is inside", async () => {
      await store.write(async (tx) => {
        await put(tx, "outer", "1");
        await tx.savepoint(async () => {
          await put(tx, "inner", "1");
          await assert.rejects(
            tx.savepoint(async () => {
              await put(tx, "innermost", "1");
              await put(tx, "outer", "2");
              throw new Error("no");
            }),
            { message: "no" },
          );
          await put(tx, "inner again", "1");
        });
      });
      assert.deepEqual(await store.read(names), ["inner", "inner again", "outer"]);
      assert.equal(await store.read((reader) => get(reader, "outer")), "1");
    });

    test("a statement that fails inside a savepoint leaves the transaction usable", async () => {
      await store.write(async (tx) => {
        await put(tx, "a", "1");
        await assert.rejects(
          tx.savepoint(async () => void (await tx.run("insert into iam_installation (name, value) values ('a', '2')"))),
        );
        await put(tx, "b", "1");
      });
      assert.deepEqual(await store.read(names), ["a", "b"]);
    });

    test("scratch lives as long as its transaction; its arrays are cut back with a savepoint", async () => {
      await store.write(async (tx) => {
        const list = ["kept"];
        tx.scratch.set("list", list);
        tx.scratch.set("word", "kept");
        await tx
          .savepoint(async () => {
            list.push("lost");
            tx.scratch.set("new", ["lost"]);
            await put(tx, "a", "1");
            throw new Error("no");
          })
          .catch(() => undefined);
        assert.deepEqual(tx.scratch.get("list"), ["kept"]);
        assert.deepEqual(tx.scratch.get("new"), []);
        await tx.savepoint(async () => void list.push("added"));
        assert.deepEqual(list, ["kept", "added"]);
      });
      await store.write(async (tx) => assert.equal(tx.scratch.size, 0));
    });

    test("afterCommit runs once the rows can be read, and never for what was taken back", async () => {
      const ran: string[] = [];
      await store.write(async (tx) => {
        tx.afterCommit(() => ran.push("kept"));
        await put(tx, "a", "1");
        await tx
          .savepoint(async () => {
            tx.afterCommit(() => ran.push("lost"));
            throw new Error("no");
          })
          .catch(() => undefined);
        assert.deepEqual(ran, []);
      });
      assert.deepEqual(ran, ["kept"]);
      await assert.rejects(
        store.write(async (tx) => {
          tx.afterCommit(() => ran.push("lost"));
          throw new Error("no");
        }),
      );
      assert.deepEqual(ran, ["kept"]);
    });

    test("a bumped scope gets a new version, also when the transaction is taken back", async () => {
      const version = () => store.read(async (reader) => reader.version("scope"));
      const first = await version();
      assert.equal(await version(), first);
      await store.write(async (tx) => tx.bump("scope"));
      assert.notEqual(await version(), first);
      // A store that polls for what other nodes changed hears of its own change too, once.
      if (kind.name === "postgres") await new Promise((resolve) => setTimeout(resolve, 600));
      const second = await version();
      await store.write(async (tx) => tx.bump("another"));
      assert.equal(await version(), second);
      let inside = 0;
      await assert.rejects(
        store.write(async (tx) => {
          tx.bump("scope");
          inside = tx.version("scope");
          throw new Error("no");
        }),
      );
      assert.notEqual(await version(), inside, "what was cached under the number of a failed transaction is not found");
    });

    test("a cache sees a change at once when the write is acknowledged, and never keeps what was taken back", async () => {
      const cache = new VersionedCache<string | undefined>(2);
      const cached = () => store.read((reader) => cache.get(reader, "a", (from) => get(from, "a"), "names"));
      const change = (value: string, fails = false) =>
        store.write(async (tx) => {
          await put(tx, "a", value);
          tx.bump("names");
          // Whoever asks inside the transaction caches what is not committed yet.
          assert.equal(await cache.get(tx, "a", (from) => get(from, "a"), "names"), value);
          if (fails) throw new Error("no");
        });
      await change("1");
      assert.equal(await cached(), "1");
      await change("2");
      assert.equal(await cached(), "2");
      await assert.rejects(change("3", true));
      assert.equal(await cached(), "2");
    });

    test("a closed store refuses writes, after finishing those it took", async () => {
      const own = await openStore(kind);
      const taken = own.store.write((tx) => put(tx, "a", "1"));
      const again = await own.reopen();
      assert.equal(await taken, 1);
      await assert.rejects(own.store.write((tx) => put(tx, "b", "1")));
      assert.deepEqual(await again.store.read(names), ["a"]);
      await again.close();
    });
  });
