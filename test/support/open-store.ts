import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrationFiles } from "../../src/store/migrate.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { freshSchema } from "./postgres.ts";
import type { StoreKind } from "./stores.ts";

export type OpenStore = {
  readonly store: Store;
  /** Closes the store and opens it again on what it kept. */
  reopen(): Promise<OpenStore>;
  /** Closes it and removes what it kept. */
  close(): Promise<void>;
};

/** A store of this kind with the schema and no rows, without a node around it. */
export async function openStore(kind: StoreKind): Promise<OpenStore> {
  if (kind.name === "postgres") return openSchema(await freshSchema());
  return openFile(mkdtempSync(join(tmpdir(), "stepwell-store-")));
}

async function openSchema(schema: Awaited<ReturnType<typeof freshSchema>>): Promise<OpenStore> {
  const store = await PostgresStore.open(schema.url, migrationFiles());
  return {
    store,
    async reopen() {
      await store.close();
      return openSchema(schema);
    },
    async close() {
      await store.close();
      await schema.drop();
    },
  };
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
