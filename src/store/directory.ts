import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { Blobs } from "./blobs.ts";
import { FileBlobs } from "./files.ts";
import { makeFolder } from "./folder.ts";
import { lockDirectory } from "./lock.ts";
import { migrationFiles } from "./migrate.ts";
import { SqliteStore } from "./sqlite.ts";
import type { Store } from "./store.ts";

/** The embedded store in a directory of its own (0700, one process at a time): `stepwell.db` and `blobs/`. */
export function openDirectory(path: string): {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly close: () => Promise<void>;
} {
  makeFolder(path);
  chmodSync(path, 0o700);
  const unlock = lockDirectory(join(path, "lock"));
  try {
    const store = new SqliteStore(join(path, "stepwell.db"), migrationFiles());
    return {
      store,
      blobs: new FileBlobs(join(path, "blobs")),
      async close() {
        await store.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}
