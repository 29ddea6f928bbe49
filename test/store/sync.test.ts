import assert from "node:assert/strict";
import fs from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { migrationFiles } from "../../src/store/migrate.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { StoreUnavailable } from "../../src/store/store.ts";

type Synced = (error: NodeJS.ErrnoException | null) => void;

/** Lets the test end each of the store's syncs. */
function heldSyncs(): { readonly next: () => Promise<Synced>; readonly restore: () => void } {
  const real = fs.fdatasync;
  const held: Synced[] = [];
  const asked: ((done: Synced) => void)[] = [];
  Object.assign(fs, {
    fdatasync(_file: number, done: Synced) {
      const waiting = asked.shift();
      if (waiting) waiting(done);
      else held.push(done);
    },
  });
  syncBuiltinESMExports();
  return {
    next() {
      const ready = held.shift();
      return ready ? Promise.resolve(ready) : new Promise((resolve) => asked.push(resolve));
    },
    restore() {
      Object.assign(fs, { fdatasync: real });
      syncBuiltinESMExports();
    },
  };
}

void test(
  "who came while the disk failed to sync is served though nobody comes after",
  { timeout: 30_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "stepwell-sync-"));
    const store = new SqliteStore(join(folder, "stepwell.db"), migrationFiles());
    const syncs = heldSyncs();
    try {
      const beat = (number: number) =>
        store.write((tx) => tx.run("insert into relay_node (number, beat) values ($1, 1)", [number]));
      const first = beat(1);
      const failing = await syncs.next();
      const second = beat(2);
      const closed = store.close();
      // The first group is over by then, but for its sync.
      await new Promise((resolve) => setImmediate(resolve));
      failing(Object.assign(new Error("EIO"), { code: "EIO" }));
      await assert.rejects(first, StoreUnavailable);
      (await syncs.next())(null);
      assert.equal(await second, 1);
      await closed;
    } finally {
      syncs.restore();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
