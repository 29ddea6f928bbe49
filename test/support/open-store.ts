import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrationFiles } from "../../src/store/migrate.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import type { StoreKind } from "./stores.ts";

export type OpenStore = {
  readonly store: Store;
  /** Closes the store and opens it again on what it kept. */
  reopen(): Promise<OpenStore>;
  /** Closes it and removes what it kept. */
  close(): Promise<void>;
};

/** A store of this kind with the schema and no rows, without a node around it. */
export async function openStore(_kind: StoreKind): Promise<OpenStore> {
  return openFile(mkdtempSync(join(tmpdir(), "stepwell-store-")));
}

function openFile(data: string): OpenStore {
  const store = new SqliteStore(join(data, "stepwell.db"), migrationFiles());
  return {
    store,
    async reopen() {
      await store.close();
      return openFile(data);
    },
    async close() {
      await store.close();
      rmSync(data, { recursive: true, force: true });
    },
  };
}
